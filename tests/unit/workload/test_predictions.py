# SPDX-License-Identifier: Apache-2.0
"""Answers of a model, checked before anything is computed from them."""

from typing import Any

import numpy as np
import pytest

from mlops_workload.errors import DataInvalidError
from mlops_workload.predictions import checked_predictions
from mlops_workload.rows import Rows

NUMBERS = Rows(np.zeros((3, 1)), np.array([0, 1, 1]), np.full(3, ""), np.array([True, True, False]))
TEXT = NUMBERS._replace(y=np.array(["a", "b", ""]))


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (NUMBERS, np.array([0.0, np.nan, 1.0])),
        (NUMBERS, np.array([0, None, 1], dtype=object)),
        (TEXT, np.array(["a", "", "b"])),
        (TEXT, np.array(["a", "nan", "b"])),
    ],
)
def test_a_missing_prediction_is_an_error_with_the_number_of_rows(rows: Rows, labels: Any) -> None:
    with pytest.raises(
        DataInvalidError, match="candidate: 1 of 3 rows have no prediction, the first is row 2"
    ) as error:
        checked_predictions("candidate", rows, labels)
    assert error.value.details == {"role": "candidate"}


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array([[0], [1], [1]])])
def test_there_is_one_answer_per_row(labels: Any) -> None:
    with pytest.raises(DataInvalidError, match="expected 3 predictions"):
        checked_predictions("baseline", NUMBERS, labels)


def test_labels_of_another_kind_are_refused_instead_of_counted_as_wrong() -> None:
    with pytest.raises(DataInvalidError, match="expected predictions of the labels' kind, number, found text") as error:
        checked_predictions("candidate", NUMBERS, np.array(["0", "1", "1"]))
    assert "row 1 has the label 0, and the prediction is '0'; train and measure on labels" in error.value.message


def test_the_row_of_another_kind_is_one_that_has_a_label() -> None:
    rows = TEXT._replace(labeled=np.array([False, True, False]))
    with pytest.raises(DataInvalidError, match="row 2 has the label 'b', and the prediction is 1;"):
        checked_predictions("candidate", rows, np.array([0, 1, 1]))


@pytest.mark.parametrize(
    "row", [[0.9, 0.9], [0.5, 0.49], [1.2, -0.2], [np.nan, 1.0], [np.inf, 0.0], [0.5, 0.5011], [0.5, 0.4989]]
)
def test_probabilities_that_are_no_distribution_are_an_error_that_names_the_row(row: list[float]) -> None:
    given = np.array([[0.5, 0.5], row, [0.4, 0.6]])
    with pytest.raises(DataInvalidError, match=r"candidate: 1 rows of probabilities .* the first is row 2"):
        checked_predictions("candidate", NUMBERS, np.array([0, 1, 1]), given, [0, 1])


@pytest.mark.parametrize("row", [[0.5, 0.5], [0.5, 0.5009], [0.5, 0.4991], [1.0, 0.0]])
def test_rounding_of_probabilities_is_allowed(row: list[float]) -> None:
    given = np.array([[0.5, 0.5], row, [0.4, 0.6]])
    found = checked_predictions("candidate", NUMBERS, np.array([0, 1, 1]), given, [1, 2])
    assert found.columns is not None
    assert found.columns.tolist()[:2] == [-1, 0]
