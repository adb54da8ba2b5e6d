# SPDX-License-Identifier: Apache-2.0
"""Given changed files, then a deep run makes all plans of the paths that they can affect, up to its limit."""

import pytest

from tests.faults.changed import KINDS, changed_paths, deep
from tests.faults.paths import PATHS
from tests.faults.plan import Crash, Plan

CONTROLLERS = "operator/mlops_operator/controllers"


def plan(name: str, path: str) -> Plan:
    return Plan(name=name, path=path, faults=(Crash(write="create jobs a", position="at"),))


A, B, C = (plan(name, "promotion/pass") for name in "abc")
OTHER = plan("other", "trainingjob/success")


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        (f"{CONTROLLERS}/modelmonitor/plan.py", {"modelmonitor", "retrainpolicy"}),
        (f"{CONTROLLERS}/trainingjob/policies/retry.py", {"trainingjob"}),
        ("operator/mlops_operator/api/promotion.py", {"promotion", "retrainpolicy"}),
        ("tests/faults/paths/modeldeployment_acts.py", {"modeldeployment"}),
        ("docs/index.md", set()),
        ("crds/promotions.yaml", set()),
        ("operator/mlops_workload/sdk.py", set()),
    ],
)
def test_code_of_a_kind_affects_the_paths_of_its_controller(file: str, kinds: set[str]) -> None:
    assert changed_paths([file], PATHS) == {path for path in PATHS if path.split("/")[0] in kinds}


@pytest.mark.parametrize(
    "file",
    [
        f"{CONTROLLERS}/shared/jobs.py",
        "operator/mlops_operator/runtime/work/executor.py",
        "operator/mlops_operator/api/common.py",
        "tests/faults/paths/base.py",
    ],
)
def test_shared_code_affects_every_path(file: str) -> None:
    assert changed_paths([file], PATHS) == set(PATHS)


def test_every_path_belongs_to_a_kind() -> None:
    assert {path.split("/")[0] for path in PATHS} <= {path for paths in KINDS.values() for path in paths}


@pytest.mark.parametrize(
    ("limit", "more"),
    [(2, 1), (3, 2), (4, 2)],  # one sampled plan, two more of its path: below, at and above what fits
)
def test_all_plans_of_changed_paths_are_made_as_far_as_they_fit(limit: int, more: int) -> None:
    chosen = deep([A], [A, B, C, OTHER], {"promotion/pass"}, limit=limit, seed=1)
    assert chosen[0] == A
    assert len(chosen) == 1 + more
    assert OTHER not in chosen
    assert len({entry.name for entry in chosen}) == len(chosen)


@pytest.mark.parametrize(("limit", "kept"), [(1, 1), (2, 2), (3, 3)], ids=["below", "at", "above"])
def test_a_sample_that_does_not_fit_is_cut_by_seed(limit: int, kept: int) -> None:
    chosen = deep([A, OTHER], [A, B, OTHER], {"promotion/pass"}, limit=limit, seed=1)
    assert len(chosen) == kept
    assert chosen == deep([A, OTHER], [A, B, OTHER], {"promotion/pass"}, limit=limit, seed=1)
    assert limit > 1 or chosen[0] in (A, OTHER)
