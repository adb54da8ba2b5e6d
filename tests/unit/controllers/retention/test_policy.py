# SPDX-License-Identifier: Apache-2.0
"""Which versions are beyond the policy, below, at and above each bound."""

from datetime import timedelta

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.model import AliasStatus
from mlops_operator.api.retention import KeptReason, Retention
from mlops_operator.controllers.model.policies.alias_uses import alias_uses
from mlops_operator.controllers.model.policies.retention import Artifact, Use, sort_versions
from tests.unit.controllers.builders import NOW, later

HOUR = 3600.0


def artifact(number: int, *, age: float = 1000 * HOUR, on_record: bool = True) -> Artifact:
    name = f"v{number}"
    folder = f"pvc://s/trainingjobs/{name}-12345678" if on_record else ""
    return Artifact(number, name, f"u{number}", f"d{number}", timestamp(later(-age)), folder, 10)


def policy(**fields: object) -> Retention:
    return Retention.model_validate({"keepVersions": 0, "keepFor": "0s", **fields})


def removable(retention: Retention, *versions: Artifact, uses: dict[str, Use] | None = None) -> list[int]:
    return [entry.number for entry in sort_versions(retention, versions, uses or {}, NOW).removable]


USED = Use(KeptReason.IN_USE, "web names it")


@pytest.mark.parametrize(("keep", "left"), [(0, [1, 2, 3]), (1, [1, 2]), (2, [1]), (3, []), (4, [])])
def test_the_newest_versions_are_kept(keep: int, left: list[int]) -> None:
    assert removable(policy(keepVersions=keep), artifact(2), artifact(3), artifact(1)) == left


@pytest.mark.parametrize(("age", "left"), [(HOUR - 1, []), (HOUR, [1]), (HOUR + 1, [1])])
def test_a_version_is_kept_below_its_age(age: float, left: list[int]) -> None:
    assert removable(policy(keepFor="1h"), artifact(1, age=age)) == left


def test_a_young_version_is_among_the_newest() -> None:
    assert removable(policy(keepFor="1h", keepVersions=1), artifact(1), artifact(2, age=0)) == [1]


def test_versions_in_use_are_kept_beside_the_newest() -> None:
    found = sort_versions(policy(keepVersions=1), [artifact(1), artifact(2), artifact(3)], {"u3": USED}, NOW)
    assert [entry.number for entry in found.removable] == [1]
    assert [(entry.number, use) for entry, use in found.kept] == [(3, USED)]


def test_versions_that_no_training_is_on_record_for_move_no_other_out_of_the_policy() -> None:
    flood = [artifact(number, on_record=False) for number in range(2, 50)]
    found = sort_versions(policy(keepVersions=1), [artifact(1), *flood], {}, NOW)
    assert found.removable == ()
    assert {use.reason for _, use in found.kept} == {KeptReason.NOT_ON_RECORD}


def test_the_next_change_is_the_first_moment_at_which_a_version_is_of_age_or_a_use_ends() -> None:
    young, younger = artifact(1, age=2 * HOUR), artifact(2, age=HOUR)
    assert sort_versions(policy(keepFor="3h"), [younger, young], {}, NOW).next_change == later(HOUR)
    ending = Use(KeptReason.IN_USE, "m", later(60))
    assert sort_versions(policy(), [artifact(1)], {"u1": ending}, NOW).next_change == later(60)
    assert sort_versions(policy(keepFor="3h"), [young], {"u1": ending}, NOW).next_change == later(60)
    assert sort_versions(policy(), [artifact(1)], {"u1": USED}, NOW).next_change is None


def alias(*terms: tuple[str, float]) -> AliasStatus:
    """An alias that came to point at these versions so many seconds ago, the latest first."""
    entries = [
        {"version": name, "versionUid": f"u-{name}", "since": timestamp(later(-ago)), "digest": f"sha256:{'0' * 64}"}
        for name, ago in terms
    ]
    return AliasStatus.model_validate({"name": "champion", **entries[0], "history": entries[1:]})


@pytest.mark.parametrize(
    ("left_ago", "kept"), [(HOUR - 1, {"a", "b", "c"}), (HOUR, {"a", "b"}), (HOUR + 1, {"a", "b"})]
)
def test_history_counts_from_the_end_of_a_term(left_ago: float, kept: set[str]) -> None:
    # c was left when b began.
    uses = alias_uses([alias(("a", 0), ("b", left_ago), ("c", 100 * HOUR))], window=3600, now=NOW)
    assert {use.removeprefix("u-") for entry in uses for use in entry.identities if use.startswith("u-")} == kept


def test_a_use_by_history_ends_with_the_window() -> None:
    uses = list(alias_uses([alias(("a", 0), ("b", 60), ("c", 120))], window=3600, now=NOW))
    assert [entry.use.until for entry in uses] == [None, None, NOW + timedelta(seconds=3540)]


def test_the_same_artifact_under_another_name_is_kept() -> None:
    (entry,) = alias_uses([alias(("a", 0))], window=0, now=NOW)
    assert entry.identities == {"u-a", f"sha256:{'0' * 64}"}
