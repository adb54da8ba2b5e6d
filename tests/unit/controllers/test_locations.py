# SPDX-License-Identifier: Apache-2.0
"""The step that checks places before they are mounted."""

import pytest

from mlops_operator.controllers.shared.locations import CHECK, check_step


@pytest.mark.parametrize(("config_maps", "more"), [(False, ()), (True, ("--config-maps=/mnt/config-maps",))])
def test_it_sees_the_claims_of_all_places_and_hashes_config_maps_where_asked(
    config_maps: bool, more: tuple[str, ...]
) -> None:
    step = check_step({"train": "pvc://data/a", "test": "pvc://data/b"}, config_maps=config_maps)
    assert (step.name, step.claims) == (CHECK, ("pvc://data/a", "pvc://data/b"))
    assert step.args == ("train=pvc://data/a", "test=pvc://data/b", *more)
