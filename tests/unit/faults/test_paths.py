# SPDX-License-Identifier: Apache-2.0
"""The reference paths fit together: names, actions and what they lead to."""

import pytest

from mlops_operator.kube.resources import OWN
from tests.faults.history import BY_PLURAL
from tests.faults.paths import ALL, PATHS
from tests.faults.paths.base import Path


def test_every_path_has_a_name_of_its_own() -> None:
    assert len(PATHS) == len(ALL)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_every_action_is_one_of_the_path_that_is_walked_for_it(path: type[Path]) -> None:
    for action, name in path.actions.items():
        walked = PATHS[name or path.name]
        assert callable(getattr(walked, f"do_{action}")), f"{walked.name} cannot do {action}"


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_derived_path_is_reached_by_an_action(path: type[Path]) -> None:
    reached = {name for other in PATHS.values() if not other.derived for name in other.actions.values()}
    assert path.derived == (path.name in reached)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_what_is_watched_is_recorded_and_the_kind_is_among_it(path: type[Path]) -> None:
    assert set(path.resources) <= BY_PLURAL.keys()
    assert path.name.partition("/")[0] in {resource.kind.lower() for resource in OWN}
