# SPDX-License-Identifier: Apache-2.0
"""What an evaluation's Job is asked for, byte by byte: a changed text would make Jobs of earlier releases others."""

import json
from typing import Any

import pytest

from mlops_contract.requests.evaluation import EvaluationRequest
from tests.unit.controllers.evaluation.test_plan import started

DIGEST_B = "sha256:03113bc846fcd051a55ab719436cdd020cb38b262487281fd876339ad626ad9f"


def sent(**spec: Any) -> str:
    _, job = started(**spec)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return next(str(entry["value"]) for entry in container["env"] if entry["name"] == "MLOPS_EVALUATION")


def test_what_has_its_default_is_not_sent() -> None:
    rules = [{"name": "accuracy", "max": 0.9, "slice": "x"}, {"name": "log_loss", "change": {"min": -0.5}}]
    assert sent(baseline=None, metrics=rules, columns={"id": "i"}) == (
        '{"baseline":null,"candidate":{"digest":"' + DIGEST_B + '","format":"sklearn","uri":"pvc://models/digits-b"},'
        '"columns":{"id":"i"},"data":[{"name":"holdout","uri":"pvc://data/holdout.npz"}],'
        '"metrics":[{"max":0.9,"name":"accuracy","slice":"x"},{"change":-0.5,"confidence":0.95,"name":"log_loss"}]}'
    )


@pytest.mark.parametrize(("rule", "count"), [({}, 200), ({"minCount": 200}, 200), ({"minCount": 199}, 199)])
def test_bounds_and_number_of_rows_arrive(rule: dict[str, Any], count: int) -> None:
    text = sent(metrics=[{"name": "accuracy", "min": 0.1, "max": 0.9, **rule}])
    (found,) = EvaluationRequest.read(text).metrics
    assert (found.min, found.max, found.min_count) == (0.1, 0.9, count)
    assert ("minCount" in json.loads(text)["metrics"][0]) == (count != 200)
    (reported,) = EvaluationRequest.read(text).to_dict()["metrics"]
    assert (reported["max"], reported["minCount"]) == (0.9, count), "the report shows the rule as it is asked"
