# SPDX-License-Identifier: Apache-2.0
"""Which version an alias with `bootstrap` is offered while it points at nothing.

The offer is a Promotion like any other: the alias's gate decides. Each version is offered
once to each gate, the lowest number first. A Promotion's name follows from the version and the gate, so the Promotion
that is there is the memory of the offer, and a changed gate is asked again.
"""

from collections.abc import Callable, Container, Iterable, Sequence

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import Rejection, VersionNumber
from mlops_operator.controllers.shared.gates import RecordedResult
from mlops_operator.controllers.shared.indexes import VersionFact
from mlops_operator.controllers.shared.rejections import has_ended


def offer(
    numbers: Sequence[VersionNumber],
    versions: Sequence[VersionFact],
    promotions: Container[str],
    promotion_name: Callable[[VersionFact], str],
    *,
    refused: Container[str] = (),
) -> VersionFact | None:
    """The version to offer to an alias that points at nothing; None where none is left.

    Args:
        numbers: the numbers of the versions.
        versions: those that are there.
        promotions: names of Promotions that are there.
        promotion_name: the name of the Promotion that offers a version to this alias.
        refused: UIDs of the versions that must not be offered; see `refused_versions`.
    """
    by_uid = {version.uid: version for version in versions if version.ready and version.uid not in refused}
    for entry in sorted(numbers, key=lambda entry: entry.number):
        version = by_uid.get(entry.uid)
        if version is not None and promotion_name(version) not in promotions:
            return version
    return None


def is_under_way(
    versions: Iterable[VersionFact], *, deciding: bool, left: VersionFact | None, refused: Container[str]
) -> bool:
    """Whether an alias that points at nothing may soon point at a version, without an act of the user.

    Args:
        versions: those of the Model.
        deciding: whether a Promotion of the alias is being decided.
        left: the version that is offered next.
        refused: UIDs of the versions that are not offered.
    """
    verifying = (not version.ready and not version.stalled and version.uid not in refused for version in versions)
    return deciding or left is not None or any(verifying)


def refused_versions(
    versions: Iterable[VersionFact],
    results: Sequence[RecordedResult],
    rejections: Sequence[Rejection],
    *,
    gates: Container[str],
) -> frozenset[str]:
    """UIDs of the versions that must not be offered: their artifact failed a gate that an alias has now.

    A failure of a gate that was changed since does not count. A version that is marked as rejected without a record of
    the failure counts as refused.

    Args:
        versions: the versions of the Model.
        results: those that its versions have recorded.
        rejections: those that the Model remembers.
        gates: keys of the gates that its aliases have now.
    """
    passed: dict[tuple[str, str], str] = {}
    passes = [(entry.gate, entry.digest, entry.recent_after) for entry in results if entry.verdict == Verdict.PASS]
    passes += [(entry.gate, entry.digest, entry.passed_after) for entry in rejections]
    for gate, digest, after in passes:
        if after is not None:
            passed[gate, digest] = max(after, passed.get((gate, digest), after))
    failures: list[RecordedResult | Rejection] = [entry for entry in results if entry.verdict == Verdict.FAIL]
    failures += rejections
    known = {entry.digest for entry in failures}
    standing = {
        entry.digest
        for entry in failures
        if entry.gate in gates and not has_ended(entry.newest_row, passed.get((entry.gate, entry.digest)))
    }
    return frozenset(
        version.uid
        for version in versions
        if version.digest in standing or (version.rejected and version.digest not in known)
    )
