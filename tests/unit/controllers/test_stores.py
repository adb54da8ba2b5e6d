"""In which store something lies."""

import pytest

from mlops_operator.controllers.shared.stores import training_store


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
