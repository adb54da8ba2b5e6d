# SPDX-License-Identifier: Apache-2.0
"""Which files of a TrainingJob made no version, and which of them are beyond the policy."""

from collections.abc import Callable

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.retention import KeptReason, Retention
from mlops_operator.controllers.model.policies.retention import Use
from mlops_operator.controllers.model.policies.runs import Run, runs_of, sort_runs
from tests.unit.controllers.builders import NOW, later
from tests.unit.controllers.retention.scene import folder, wasted

HOUR = 3600.0
Change = Callable[[Manifest], object]


def folders(training: Manifest) -> list[str]:
    return [run.folder for run in runs_of(training)]


@pytest.mark.parametrize("outcomes", [("Failed",), ("Failed", "Disrupted", "Stopped"), ("Succeeded",)], ids=str)
def test_a_training_that_failed_has_made_nothing(outcomes: tuple[str, ...]) -> None:
    training = wasted("a", *outcomes, age=HOUR)
    assert runs_of(training) == (Run(timestamp(later(-HOUR)), "train-a", "uid-of-train-a", folder("a")),)


@pytest.mark.parametrize(
    ("outcomes", "attempts"),
    [
        (("Succeeded",), []),
        (("Failed", "Succeeded"), [0]),
        (("Disrupted", "Failed", "Succeeded"), [0, 1]),
    ],
    ids=str,
)
def test_of_a_training_that_succeeded_the_other_attempts_have_made_nothing(
    outcomes: tuple[str, ...], attempts: list[int]
) -> None:
    result = {"name": "model", "uri": f"{folder('a')}/{len(outcomes) - 1}/model.joblib"}
    training = wasted("a", *outcomes, phase="Succeeded", artifacts=[result])
    assert folders(training) == [f"{folder('a')}/{index}" for index in attempts]


@pytest.mark.parametrize("place", ["/0/model.joblib", "/0", "//0//x", ""])
@pytest.mark.parametrize("field", ["artifacts", "report"])
def test_an_attempt_that_holds_something_of_the_result_stays(place: str, field: str) -> None:
    found = {"name": "model", "uri": folder("a") + place}
    changes: Manifest = {"artifacts": None, field: [found] if field == "artifacts" else found}
    assert folders(wasted("a", "Failed", "Failed", "Succeeded", phase="Succeeded", **changes)) == (
        [f"{folder('a')}/1"] if place else []
    )


def status(**changes: object) -> Change:
    return lambda training: training["status"].update(changes)


def output(uri: str | None) -> Change:
    return lambda training: training["status"]["attempts"][0].update(output=uri)


def uid(training: Manifest) -> None:
    training["metadata"]["uid"] = "restored"


OWN = folder("a").rsplit("/", 1)[-1]
NOT_ON_RECORD: dict[str, Change] = {
    "not begun": lambda training: training.pop("status"),
    "running": status(phase="Running"),
    "to be tried again": status(phase="Retrying"),
    "suspended": status(phase="Suspended"),
    "waiting": status(phase="Pending"),
    "of a later release": status(phase="Aborted"),
    "without an end": status(completionTime=None),
    "removed": status(removedFolders=[folder("a")]),
    "without attempts": status(attempts=[]),
    "of an earlier release": output(None),
    "restored from a backup": uid,
    "of another training": output(f"{folder('b')}/0"),
    "of another attempt": output(f"{folder('a')}/1"),
    "above its folder": output("pvc://mlops-artifacts/trainingjobs"),
    "its folder itself": output(folder("a")),
    "below its folder": output(f"{folder('a')}/0/deep"),
    "outside of the trainings": output(f"pvc://mlops-artifacts/elsewhere/{OWN}/0"),
    "the claim": output("pvc://mlops-artifacts"),
    "not a claim": output(f"s3://bucket/trainingjobs/{OWN}/0"),
}


@pytest.mark.parametrize("change", NOT_ON_RECORD)
def test_nothing_goes_that_the_record_does_not_name(change: str) -> None:
    training = wasted("a")
    NOT_ON_RECORD[change](training)
    assert folders(training) == []


def test_what_the_spec_says_by_now_is_no_record() -> None:
    training = wasted("a")
    training["spec"]["output"] = {"uri": "pvc://victim"}
    assert folders(training) == [folder("a")]


def test_attempts_in_several_stores_have_a_folder_in_each() -> None:
    training = wasted("a", "Failed", "Failed", "Failed")
    training["status"]["attempts"][1]["output"] = f"{folder('a', root='pvc://other/sub')}//1/"
    assert folders(training) == [folder("a"), folder("a", root="pvc://other/sub")]


def test_some_attempts_were_removed_before() -> None:
    training = wasted("a", "Failed", "Failed", "Succeeded", phase="Succeeded", artifacts=None)
    training["status"]["removedFolders"] = [f"{folder('a')}/0"]
    assert folders(training) == [f"{folder('a')}/1"]


def run(name: str, age: float) -> Run:
    return Run(timestamp(later(-age)), name, f"uid-of-{name}", f"pvc://s/trainingjobs/{name}-12345678")


@pytest.mark.parametrize(("age", "removable"), [(HOUR - 1, False), (HOUR, True), (HOUR + 1, True)])
def test_a_run_is_kept_for_a_time_from_its_end(age: float, removable: bool) -> None:
    found = sort_runs(Retention(keep_runs_for="1h"), [run("a", age)], {}, NOW)
    assert bool(found.removable) is removable
    assert found.kept == ()
    assert found.next_change == (None if removable else later(1))


def test_the_oldest_come_first_and_what_is_used_is_kept() -> None:
    runs = [
        run(name, age * HOUR) for name, age in (("new", 2), ("old", 4), ("used", 3), ("young", 0.5), ("younger", 0.1))
    ]
    use = Use(KeptReason.IN_USE, "m")
    uses = {entry.folder: use for entry in runs if entry.name in ("used", "young")}
    found = sort_runs(Retention(keep_runs_for="1h"), runs, uses, NOW)
    assert [entry.name for entry in found.removable] == ["old", "new"]
    assert [(entry.name, why) for entry, why in found.kept] == [("used", use)]
    assert found.next_change == later(0.5 * HOUR)
