# SPDX-License-Identifier: Apache-2.0
"""When a schedule fires."""

from datetime import UTC, datetime

import pytest

from mlops_operator.api.retrainpolicy import ScheduleStatus
from mlops_operator.api.retraintrigger import CronTrigger
from mlops_operator.controllers.retrainpolicy.policies.schedule import (
    InvalidScheduleError,
    check,
    due_moment,
    latest_moment,
    looked_at,
    next_moment,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHTLY = CronTrigger(schedule="0 3 * * *")
IN_BERLIN = CronTrigger(schedule="30 2 * * *", time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "latest", "following"),
    [
        ("2026-01-02T02:59:59", "2026-01-01T03:00:00", "2026-01-02T03:00:00"),
        ("2026-01-02T03:00:00", "2026-01-02T03:00:00", "2026-01-03T03:00:00"),
        ("2026-01-02T03:00:01", "2026-01-02T03:00:00", "2026-01-03T03:00:00"),
    ],
)
def test_the_moments_around_now(now: str, latest: str, following: str) -> None:
    assert latest_moment(NIGHTLY, at(now)) == at(latest)
    assert next_moment(NIGHTLY, at(now)) == at(following)


def test_a_schedule_is_read_in_its_time_zone() -> None:
    assert latest_moment(IN_BERLIN, at("2026-01-10T12:00:00")) == at("2026-01-10T01:30:00")
    assert latest_moment(IN_BERLIN, at("2026-07-10T12:00:00")) == at("2026-07-10T00:30:00")


def test_an_hour_that_is_skipped_in_spring_fires_once_when_the_clock_has_moved() -> None:
    # On 2026-03-29 clocks go from 02:00 to 03:00 in Berlin, at 01:00 UTC.
    assert latest_moment(IN_BERLIN, at("2026-03-29T12:00:00")) == at("2026-03-29T01:00:00")


def test_an_hour_that_comes_twice_in_autumn_fires_once() -> None:
    # On 2026-10-25 clocks go from 03:00 back to 02:00, at 01:00 UTC; 02:30 comes at 00:30 and at 01:30 UTC.
    first = latest_moment(IN_BERLIN, at("2026-10-25T00:30:00"))
    assert first == at("2026-10-25T00:30:00")
    assert due_moment(IN_BERLIN, after=first, now=at("2026-10-25T12:00:00")) is None


def test_of_several_missed_moments_only_the_latest_fires() -> None:
    due = due_moment(NIGHTLY, after=at("2026-01-01T12:00:00"), now=at("2026-01-09T12:00:00"))
    assert due == at("2026-01-09T03:00:00")
    assert due_moment(NIGHTLY, after=at("2026-01-09T03:00:00"), now=at("2026-01-09T12:00:00")) is None


def test_a_year_of_missed_minutes_is_looked_at_in_no_time() -> None:
    every_minute = CronTrigger(schedule="* * * * *")
    due = due_moment(every_minute, after=at("2025-01-01T00:00:00"), now=at("2026-01-01T00:00:30"))
    assert due == at("2026-01-01T00:00:00")


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("61 * * * *", "Bad minute"),
        ("* * * * * *", "expected 5 fields, found 6"),
        ("*  *  *  *", "expected 5 fields, found 4"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("every night", "expected 5 fields, found 2"),
    ],
)
def test_a_schedule_that_cannot_be_read_says_why(schedule: str, words: str) -> None:
    with pytest.raises(InvalidScheduleError, match=words):
        check(CronTrigger(schedule=schedule))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "../etc/passwd", ""])
def test_a_time_zone_that_is_none_says_so(zone: str) -> None:
    with pytest.raises(InvalidScheduleError, match="time zone"):
        check(CronTrigger(schedule="0 3 * * *", time_zone=zone))


class TestLookedAt:
    CREATED, NOW = at("2026-01-01T00:00:00"), at("2026-01-05T00:00:00")
    KNOWN = ScheduleStatus(trigger="nightly", schedule="0 3 * * * Etc/UTC", last="2026-01-03T03:00:00Z")

    def test_a_known_schedule_goes_on(self) -> None:
        assert looked_at(self.KNOWN, NIGHTLY, created=None, now=self.NOW) == at("2026-01-03T03:00:00")

    def test_a_new_policy_counts_from_its_creation(self) -> None:
        assert looked_at(None, NIGHTLY, created=self.CREATED, now=self.NOW) == self.CREATED

    def test_a_schedule_that_was_added_or_changed_begins_now(self) -> None:
        assert looked_at(None, NIGHTLY, created=None, now=self.NOW) == self.NOW
        other = CronTrigger(schedule="0 4 * * *")
        assert looked_at(self.KNOWN, other, created=self.CREATED, now=self.NOW) == self.NOW
