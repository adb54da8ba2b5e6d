"""What keeps a trigger from starting a training."""

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retrainpolicy import Decision
from mlops_operator.controllers.retrainpolicy.policies.guards import cooling_down, in_flight
from tests.unit.controllers.builders import NOW, later


def decision(**fields: object) -> Decision:
    values = {"id": "1", "trigger": "t", "time": timestamp(NOW), "outcome": "Started", "reason": "x", **fields}
    return Decision.model_validate(values)


def test_a_training_under_way_objects() -> None:
    objection = in_flight([decision(trainingJob="policy-1")])
    assert objection is not None
    assert "policy-1" in objection.message


def test_a_training_that_has_ended_and_a_skipped_trigger_do_not_object() -> None:
    assert in_flight([decision(result="Promoted"), decision(outcome="Skipped")]) is None


def test_the_cooldown_counts_from_the_last_start_and_names_its_end() -> None:
    started = timestamp(NOW)
    objection = cooling_down(started, cooldown=300, now=later(299))
    assert objection is not None
    assert timestamp(later(300)) in objection.message
    assert cooling_down(started, cooldown=300, now=later(300)) is None


def test_without_a_start_there_is_no_cooldown() -> None:
    assert cooling_down(None, cooldown=300, now=NOW) is None
