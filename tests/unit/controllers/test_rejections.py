# SPDX-License-Identifier: Apache-2.0
"""When a rejection ends."""

import pytest

from mlops_operator.controllers.shared.rejections import has_ended

NOON, LATER = "2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z"


@pytest.mark.parametrize(
    ("newest_row", "passed_after", "ended"),
    [
        (None, None, False),
        (NOON, None, False),
        (None, NOON, False),
        (NOON, LATER, True),
        (NOON, NOON, True),
        (LATER, NOON, False),
    ],
)
def test_a_pass_on_rows_that_are_all_newer_ends_it(
    newest_row: str | None, passed_after: str | None, ended: bool
) -> None:
    assert has_ended(newest_row, passed_after) is ended
