# SPDX-License-Identifier: Apache-2.0
"""The story of examples/digits on real pods, with its numbers asserted.

The steps build on each other and run in the order of this file; the first that fails ends the run.
"""

from collections.abc import Iterator
from statistics import median
from typing import Any

import pytest

from demo.story import NAMESPACE, Story
from localcluster.kubectl import Kubectl

pytestmark = pytest.mark.timeout(600)

SECOND_HALF_ROWS = 899
HOLDOUT_ROWS = 299
MIN_COUNT = 200
"""Rows that a gate needs by default."""


@pytest.fixture(scope="module")
def story(kubectl: Kubectl) -> Iterator[Story]:
    """The story in its namespace, which goes at the end, not waited for: its clients and servers would go on."""
    story = Story(kubectl)
    yield story
    kubectl.run("delete", "namespace", NAMESPACE, "--wait=false")


def _rule(figures: dict[str, Any], slice_name: str | None) -> dict[str, Any]:
    """The gate's numbers for a slice; None means over all rows."""
    return next(rule for rule in figures["metrics"] if (rule["slice"] or None) == slice_name)


def test_data_is_prepared(story: Story) -> None:
    figures = story.step("Data and Model", story.prepare)
    assert set(figures["digests"]) == {"train", "pool", "holdout"}


def test_training_reports_the_known_accuracy(story: Story) -> None:
    figures = story.step("Train the first version", story.train)
    assert figures["accuracy"] == pytest.approx(0.9689, abs=5e-5)
    assert figures["rows"] == SECOND_HALF_ROWS
    assert figures["number"] == 1


def test_first_version_becomes_champion_by_the_absolute_floor(story: Story) -> None:
    figures = story.step("Register it and make it champion", story.bootstrap)
    assert figures["verdict"] == "Pass"
    floor = _rule(figures, "original")
    assert floor["verdict"] == "Pass"
    assert floor["candidate"] >= 0.93
    assert floor["baseline"] is None
    assert floor["n"] == HOLDOUT_ROWS
    assert figures["overlap"] == {"candidate": "False"}


def test_champion_is_served(story: Story) -> None:
    figures = story.step("Serve the champion", story.serve)
    assert figures["version"] == story.figures("Register it and make it champion")["champion"]


def test_monitor_finds_the_traffic_healthy(story: Story) -> None:
    figures = story.step("Watch the traffic", story.watch_healthy)
    assert figures["breached"] == "False"
    assert figures["accuracy"] >= 0.93
    assert figures["n"] >= 100


def test_monitor_sees_the_shift(story: Story) -> None:
    figures = story.step("The images shift by one pixel", story.shift)
    assert figures["breached"] == "True"
    assert figures["n"] >= 100
    assert figures["limit"] == pytest.approx(0.9)
    assert figures["accuracy"] < 0.9


def test_policy_retrains_on_evidence(story: Story) -> None:
    figures = story.step("Retrain, on evidence", story.retrain)
    assert figures["trigger"] == "accuracy-fell"
    breached = [item for item in figures["evidence"] if item["value"] < 0.9]
    assert len(breached) >= 2
    assert figures["shifted_rows"] >= 100
    assert figures["held_out"] >= MIN_COUNT


def test_challenger_wins_on_recent_rows_that_it_was_not_trained_on(story: Story) -> None:
    """The gate's frozen rows hold no shifted image: it knows of the drift by the client's requests alone."""
    figures = story.step("Challenge the champion", story.challenge)
    assert figures["verdict"] == "Pass"
    change = _rule(figures, "recent")
    assert change["n"] >= MIN_COUNT
    assert change["lower"] > 0
    assert change["candidate"] > 0.9 > change["baseline"]
    frozen = _rule(figures, "original")
    assert frozen["candidate"] >= 0.93
    assert frozen["n"] == HOLDOUT_ROWS
    assert set(figures["data"]) == {"holdout", "recent"}
    assert figures["overlap"] == {"candidate": "False", "baseline": "False"}


def test_rollout_loses_no_request_and_restores_accuracy(story: Story) -> None:
    figures = story.step("Roll the challenger out", story.rollout)
    assert figures["failed"] == 0
    assert figures["sent"] >= 200
    assert figures["accuracy"] > 0.93
    assert any(0 < weight < 100 for weight in figures["weights"])


def test_bad_challenger_is_refused_with_its_numbers(story: Story) -> None:
    figures = story.step("A bad challenger is refused", story.refuse)
    assert figures["phase"] == "Rejected"
    assert figures["verdict"] == "Fail"
    floor = _rule(figures, "original")
    assert floor["verdict"] == "Fail"
    assert floor["candidate"] < 0.93
    assert figures["champion"] == story.figures("Challenge the champion")["champion"]


def test_version_that_cannot_load_never_gets_traffic(story: Story) -> None:
    figures = story.step("A version that cannot load is stopped", story.stop_broken)
    assert figures["reason"] == "ModelLoadFailed"
    assert figures["stable"] == story.figures("Challenge the champion")["champion"]
    assert figures["failed_meanwhile"] == 0


def test_one_promotion_undoes_another(story: Story) -> None:
    figures = story.step("Undo a promotion", story.roll_back)
    assert figures["phase"] == "Promoted"
    assert figures["rollback"] is True
    assert figures["failed"] == 0


def test_story_ends_recovered(story: Story) -> None:
    figures = story.step("Promote the better version again", story.recover)
    assert figures["phase"] == "Promoted"
    assert figures["version"] == story.figures("Challenge the champion")["champion"]
    assert figures["accuracy"] > 0.93
    assert figures["failed"] == 0


def test_accuracy_fell_to_about_a_half_while_shifted(story: Story) -> None:
    """The client's own count: of the shifted images of its pool the first version recognizes 0.497."""
    first = story.figures("Register it and make it champion")["champion"]
    rolling = [line["rolling"][first] for line in story.client_lines() if line["shift"] and first in line["rolling"]]
    # The median over the seconds: the first windows after the shift hold images from before it.
    assert median(item["accuracy"] for item in rolling if item["n"] >= 190) == pytest.approx(0.497, abs=0.06)
