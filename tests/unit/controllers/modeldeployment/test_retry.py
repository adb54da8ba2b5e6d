# SPDX-License-Identifier: Apache-2.0
"""When a stopped candidate is tried again."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.modeldeployment import StoppedCandidate
from mlops_operator.controllers.modeldeployment.policies.retry import retry_at, seconds_until
from tests.unit.controllers.builders import NOW, later
from tests.unit.controllers.versions import digest_of


@pytest.mark.parametrize(
    ("retries", "wait"), [(0, 60), (1, 120), (2, 240), (5, 1920), (6, 3600), (7, 3600), (10_000, 3600)]
)
def test_the_wait_doubles_up_to_an_hour(retries: int, wait: int) -> None:
    assert retry_at(NOW, retries) == later(wait)


def stopped(retry_at: str | None) -> StoppedCandidate:
    return StoppedCandidate(
        version="v", digest=digest_of("v"), revision="r", reason="Any", at=timestamp(NOW), retry_at=retry_at
    )


def test_only_a_candidate_with_a_time_for_it_is_tried_again() -> None:
    assert seconds_until(None, NOW) is None
    assert seconds_until(stopped(None), NOW) is None
    assert seconds_until(stopped(timestamp(later(60))), later(1)) == 59
    assert seconds_until(stopped(timestamp(later(60))), later(61)) == -1
