# SPDX-License-Identifier: Apache-2.0
"""What a gate asks for, and how its results are recorded and found.

A result belongs to the gate, the rows and the artifact, not to the objects that led to it. So it is recorded on the
ModelVersion and, for rejections and draws, on the Model: deleting a Promotion or a ModelVersion erases nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mlops_operator.api.common import DataRead, JobSettings, VersionRef
from mlops_operator.api.evaluation import Measurement, Verdict
from mlops_operator.api.meta import API_VERSION, Key, Manifest
from mlops_operator.api.model import AliasStatus, Gate, Rejection
from mlops_operator.controllers.shared.children import ChildNames, child_names
from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_DIGEST, by_reference
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.naming import child_metadata, short_hash
from mlops_operator.controllers.shared.versions import VersionView, view_version
from mlops_operator.kube.resources import MODEL_VERSIONS
from mlops_operator.runtime.cache.index import FactIndex
from mlops_operator.runtime.cache.watch import World

COMPONENT: Final = "gate"

RECORDED: Final = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE})
"""Verdicts that rest on figures. They are recorded before they decide anything."""


_HOW: Final = frozenset({*JobSettings.model_fields, "output"})
"""Fields of a measurement that say how it is made, and nothing of what it shows."""


def gate_key(model: str, alias: str, measurement: Measurement) -> str:
    """Hash of what a gate asks: the Model, the alias, the rows and the rules.

    How the Job runs (image, pods, place of the report) is no part of it, nor is the baseline: a version that failed is
    not measured again because the alias has moved.
    """
    asked = measurement.model_dump(
        mode="json",
        by_alias=True,
        exclude_none=True,
        exclude_defaults=True,
        include=set(Measurement.model_fields) - _HOW,
    )
    return short_hash(model, alias, compact_json(asked))


def rows_digest(data: Iterable[DataRead]) -> str | None:
    """Digest of the rows that were read, whatever the inputs are called; None where the run did not report any."""
    digests = sorted(entry.digest for entry in data)
    if len(digests) < 2:
        return digests[0] if digests else None
    return "sha256:" + hashlib.sha256("\n".join(digests).encode()).hexdigest()


# -- the Evaluation that a gate asks for ----------------------------------------------------------


def render_evaluation(
    promotion: Manifest, gate: Gate, candidate: VersionRef, baseline: VersionRef | None, *, recent_after: str | None
) -> Manifest:
    """The Evaluation of the Promotion's version against `baseline` by all that the gate asks."""
    spec = {**_measurement(gate), "candidate": candidate.name}
    if baseline is not None:
        spec["baseline"] = baseline.name
    if recent_after is not None:
        spec["recentAfter"] = recent_after
    names = evaluation_names(promotion, gate, candidate, baseline, recent_after=recent_after)
    return {
        "apiVersion": API_VERSION,
        "kind": "Evaluation",
        "metadata": child_metadata(promotion, names.name, component=COMPONENT),
        "spec": spec,
    }


def evaluation_names(
    promotion: Manifest, gate: Gate, candidate: VersionRef, baseline: VersionRef | None, *, recent_after: str | None
) -> ChildNames:
    """Names of that Evaluation. Another gate, candidate, baseline or former measurement has another Evaluation."""
    against = baseline.uid if baseline is not None else ""
    parts = [candidate.uid, against, compact_json(_measurement(gate))]
    if recent_after is not None:
        parts.append(recent_after)
    return child_names(promotion, folded=(short_hash(*parts),))


def _measurement(gate: Gate) -> Manifest:
    """What the gate shares with an Evaluation."""
    return gate.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"baseline"})


def alias_target(namespace: str, points: AliasStatus | None, world: World) -> VersionView | None:
    """The version that an alias points at; None where it points at none, or at one that was deleted.

    An object that was created again under the name is another version.
    """
    if points is None:
        return None
    version = view_version(world.get(MODEL_VERSIONS, Key(namespace, points.version)))
    return version if version is not None and version.uid == points.version_uid else None


# -- results ---------------------------------------------------------------------------------------


class RecordedResult(NamedTuple):
    """A gate result as a ModelVersion has it, for an index."""

    time: str
    version: str
    gate: str
    alias: str
    digest: str
    verdict: str
    message: str
    evaluation_uid: str
    promotion: str
    promotion_uid: str
    newest_row: str | None = None
    recent_after: str | None = None


class RecordedResults(NamedTuple):
    """The gate results of one ModelVersion, in the order in which they were recorded."""

    version: str
    results: tuple[RecordedResult, ...]


def recorded_results(version: Manifest) -> RecordedResults:
    """The results that a ModelVersion has, as they are stored."""
    name = version["metadata"]["name"]
    stored = (version.get("status") or {}).get("gates") or ()
    return RecordedResults(name, tuple(_recorded(name, entry) for entry in stored))


def _recorded(version: str, entry: Manifest) -> RecordedResult:
    return RecordedResult(
        entry["time"],
        version,
        entry["gate"],
        entry["alias"],
        entry["digest"],
        entry["verdict"],
        entry.get("message") or "",
        entry["evaluationUid"],
        entry["promotion"],
        entry["promotionUid"],
        entry.get("newestRow"),
        entry.get("recentAfter"),
    )


def _model_if_measured(version: Manifest) -> Iterable[str]:
    return by_reference("model")(version) if (version.get("status") or {}).get("gates") else ()


GATE_RESULTS_BY_MODEL: Final = FactIndex(MODEL_VERSIONS, "gate-results", _model_if_measured, recorded_results)
"""Gate results of all versions of a Model, by ModelVersion."""


def results_of_artifact(namespace: str, digest: str, world: World) -> tuple[RecordedResult, ...]:
    """The results recorded on all ModelVersions with this artifact."""
    keys = world.keys(MODEL_VERSIONS_BY_DIGEST, str(Key(namespace, digest)))
    versions = (world.get(MODEL_VERSIONS, key) for key in keys)
    return tuple(result for entry in versions if entry is not None for result in recorded_results(entry).results)


def newest_recent_row(
    gate: Gate, key: str, known: Iterable[RecordedResult | Rejection], *, promotion_uid: str
) -> str | None:
    """Time of the newest recent row by which the artifact was measured for another Promotion.

    None where the gate uses no recent rows, or where the artifact was not measured by it before.

    Args:
        gate: the gate.
        key: its key.
        known: results of the artifact, and its rejections as the Model remembers them.
        promotion_uid: the Promotion that asks; its own result is the measurement in question.
    """
    if gate.recent is None:
        return None
    others = (entry for entry in known if entry.gate == key and entry.promotion_uid != promotion_uid)
    return max((entry.newest_row for entry in others if entry.newest_row is not None), default=None)


def failure_of_gate(results: Sequence[RecordedResult], gate: str) -> RecordedResult | None:
    """The first `Fail` of this gate; None where there is none."""
    failures = (result for result in results if result.gate == gate and result.verdict == Verdict.FAIL)
    return min(failures, key=lambda result: (result.time, result.promotion), default=None)
