# SPDX-License-Identifier: Apache-2.0
"""An object whose plan keeps failing unexpectedly says so, and recovers with the next plan that does not."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY

from mlops_operator.api.conditions import contract as conditions
from mlops_operator.api.conditions import ready
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import TRAINING_JOBS
from mlops_operator.runtime.work.internal_error import UNEXPECTED_ERRORS, internal_error, recovered, without_report
from mlops_operator.runtime.work.plan import Plan
from mlops_operator.runtime.work.queue import LONGEST_RETRY
from tests.harness.stub_server import json_answer, stub_server
from tests.harness.waiting import eventually
from tests.unit.runtime.work.test_reconciler import KEY, NOW, Bench, training

SECRET = "password=hunter2"


def fact(kind: str, status: str, reason: str) -> Manifest:
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": "2025-01-01T00:00:00Z"}


RUNNING: Manifest = {
    "phase": "Running",
    "conditions": [
        fact("Reconciling", "True", "Running"),
        fact("Stalled", "False", "NotStalled"),
        fact("Complete", "False", "Running"),
        fact("Ready", "False", "Running"),
    ],
}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with stub_server() as server, Client(server.config()) as client:
        yield Bench(server, client)


def failing(times: int) -> Any:
    left = times

    def make(_obj: Manifest) -> Plan:
        nonlocal left
        left -= 1
        if left >= 0:
            raise RecursionError(SECRET)
        return Plan()

    return make


def _longer(least: int, seen: list[str]) -> bool:
    return len(seen) >= least


def by_type(status: Manifest) -> dict[str, Manifest]:
    return {entry["type"]: entry for entry in status["conditions"]}


@pytest.mark.parametrize(
    ("errors", "told"), [(UNEXPECTED_ERRORS - 1, 0), (UNEXPECTED_ERRORS, 1), (UNEXPECTED_ERRORS + 1, 1)]
)
async def test_errors_in_a_row_are_told_once_they_are_too_many(bench: Bench, errors: int, told: int) -> None:
    bench.controller.make = failing(errors)
    bench.server.on("PATCH", json_answer(training(6, status=internal_error(training(), RecursionError(), NOW).status)))
    async with bench.running():
        for count in range(1, errors + 1):
            await eventually(bench.versions, partial(_longer, count))
            if count >= UNEXPECTED_ERRORS:
                bench.queue.add(KEY)
        await eventually(bench._idle, within=5)
    written = list(zip(bench.server.names(), bench.server.bodies, strict=True))
    reports = [body for name, body in written if name == "PATCH" and "InternalError" in str(body)]
    assert [len(reports), bench.server.names().count("POST")] == [told, told]


async def test_the_status_names_the_type_of_the_error_and_nothing_of_its_text(bench: Bench) -> None:
    before = REGISTRY.get_sample_value(
        "mlops_operator_internal_errors_total", {"controller": "trainingjob", "type": "RecursionError"}
    )
    bench.controller.make = failing(UNEXPECTED_ERRORS)
    bench.server.on("PATCH", json_answer(training(6, status=internal_error(training(), RecursionError(), NOW).status)))
    async with bench.running():
        await eventually(bench.versions, lambda seen: len(seen) >= UNEXPECTED_ERRORS)
        await eventually(bench._idle, within=5)
    bodies = dict(zip(bench.server.names(), bench.server.bodies, strict=True))
    found = by_type(bodies["PATCH"]["status"])
    assert [(found[kind]["status"], found[kind]["reason"]) for kind in ("Stalled", "Ready", "Reconciling")] == [
        ("True", "InternalError"),
        ("False", "InternalError"),
        ("False", "NotReconciling"),
    ]
    assert "RecursionError" in found["Ready"]["message"]
    assert SECRET not in str(bodies)
    assert bodies["POST"]["reason"] == "InternalError"
    after = REGISTRY.get_sample_value(
        "mlops_operator_internal_errors_total", {"controller": "trainingjob", "type": "RecursionError"}
    )
    assert (after or 0) - (before or 0) == UNEXPECTED_ERRORS


async def test_it_is_retried_at_the_long_interval_and_on_a_change(bench: Bench) -> None:
    bench.controller.make = failing(UNEXPECTED_ERRORS)
    bench.server.on("PATCH", json_answer(training(6, status=internal_error(training(), RecursionError(), NOW).status)))
    async with bench.running():
        await eventually(bench.versions, lambda seen: len(seen) >= UNEXPECTED_ERRORS)
        await eventually(bench._idle, within=5)
        due = bench.queue._due[KEY] - bench.queue._clock()
        assert due == pytest.approx(LONGEST_RETRY, abs=30)
        bench.server.on("PATCH", json_answer(training(8, status={})))
        bench.cache.observe(TRAINING_JOBS, training(7, status=internal_error(training(), RecursionError(), NOW).status))
        bench.cache.observe(TRAINING_JOBS, training(8, status={}, spec={"changed": True}))
        await eventually(bench.versions, lambda seen: len(seen) > UNEXPECTED_ERRORS)


def test_other_conditions_stay_and_ready_is_last() -> None:
    plan = internal_error(training(status=RUNNING), KeyError("x"), NOW)
    assert plan.status is not None
    assert [entry["type"] for entry in plan.status["conditions"]] == ["Reconciling", "Stalled", "Complete", "Ready"]
    assert plan.status["phase"] == "Running"
    assert by_type(plan.status)["Ready"]["lastTransitionTime"] == "2025-01-01T00:00:00Z", "it was False before"
    assert by_type(plan.status)["Stalled"]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert plan.final


def test_a_report_that_is_there_is_no_second_event() -> None:
    first = internal_error(training(status=RUNNING), KeyError("x"), NOW)
    again = internal_error(training(status=first.status), KeyError("y"), NOW)
    assert (len(first.events), again.events) == (1, ())
    assert again.status == first.status


def test_conditions_that_cannot_be_read_are_no_obstacle() -> None:
    odd = {"conditions": [{"type": "Ready", "status": "Perhaps"}, {"type": "X"}]}
    plan = internal_error(training(status=odd), ValueError(), NOW)
    assert plan.status is not None
    assert by_type(plan.status)["Ready"]["reason"] == "InternalError"


def test_a_plan_does_not_see_the_report_and_replaces_it() -> None:
    reported = training(status=internal_error(training(status=RUNNING), KeyError(), NOW).status)
    seen = without_report(reported)
    assert [entry["type"] for entry in seen["status"]["conditions"]] == ["Reconciling", "Complete"]
    assert recovered(reported, Plan()).status == seen["status"]
    fine_conditions = conditions((), ready("Fine"), generation=1, now=NOW)
    told = Plan(status={"conditions": [entry.to_manifest() for entry in fine_conditions]})
    assert recovered(reported, told) is told
    fine = training(status=RUNNING)
    assert without_report(fine) is fine
    assert recovered(fine, Plan()).status is None
