# SPDX-License-Identifier: Apache-2.0
"""In which store something lies."""

import pytest

from mlops_operator.controllers.shared.stores import training_folders, training_store


@pytest.mark.parametrize(
    ("uri", "store"),
    [
        ("pvc://models/trainingjobs/digits-0a1b2c3d/0/model", "pvc://models"),
        ("pvc://models/team/a/trainingjobs/digits-0a1b2c3d/12", "pvc://models/team/a"),
        ("pvc://models/digits", None),
        ("pvc://models/trainingjobs/digits/0/model", None),
        ("pvc://models/trainingjobs/digits-0a1b2c3d/model", None),
    ],
)
def test_what_a_training_left_lies_in_the_store_above_its_folders(uri: str, store: str | None) -> None:
    assert training_store(uri) == store


OWN = "pvc://m/a/trainingjobs/x-0a1b2c3d"


@pytest.mark.parametrize(
    ("uri", "folders"),
    [
        (f"{OWN}/1/model", [OWN, f"{OWN}/1"]),
        (f"{OWN}//1//", [OWN, f"{OWN}/1"]),
        (OWN, [OWN, f"{OWN}/"]),
        (f"{OWN}/", [OWN, f"{OWN}/"]),
        ("pvc://m/a/trainingjobs", []),
        ("pvc://m/a/trainingjobs/x/1/model", []),
        ("s3://m/a/trainingjobs/x-0a1b2c3d/1", []),
        (
            f"{OWN}/0/trainingjobs/y-0a1b2c3d/2",
            [OWN, f"{OWN}/0", f"{OWN}/0/trainingjobs/y-0a1b2c3d", f"{OWN}/0/trainingjobs/y-0a1b2c3d/2"],
        ),
    ],
)
def test_a_place_may_be_in_the_folder_of_a_training_and_in_that_of_an_attempt(uri: str, folders: list[str]) -> None:
    assert list(training_folders(uri)) == folders
