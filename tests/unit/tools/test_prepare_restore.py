# SPDX-License-Identifier: Apache-2.0
"""The script that prepares an export, so that applying it restores the objects."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.prepare_restore import RESTORED_FROM, Warnings, main, prepare, read

API = "mlops-operator.io/v1alpha1"
DIGEST = f"sha256:{'a' * 64}"


def make(kind: str, name: str, *, status: Any = None, spec: Any = None, **metadata: Any) -> dict[str, Any]:
    given = {
        "name": name,
        "namespace": "team-a",
        "uid": f"uid-of-{name}",
        "resourceVersion": "12",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["foregroundDeletion"],
        "managedFields": [{}],
    }
    obj = {"apiVersion": API, "kind": kind, "metadata": {**given, **metadata}, "spec": spec or {}}
    return {**obj, "status": status} if status is not None else obj


def model(**entry: Any) -> dict[str, Any]:
    points = {"name": "champion", "version": "v1", "versionUid": "uid-of-v1", "digest": DIGEST, **entry}
    spec = {"aliases": [{"name": "champion", "bootstrap": True}, {"name": "staging"}]}
    return make("Model", "digits", spec=spec, status={"aliases": [points]})


def version(**trained_by: Any) -> dict[str, Any]:
    lineage = {"trainingJob": {"name": "train", "uid": "uid-of-train", "specDigest": DIGEST, **trained_by}}
    return make("ModelVersion", "v1", spec={"model": "digits", "artifact": {}, "lineage": lineage})


def training(phase: str = "Succeeded", *, generation: int = 1, **metadata: Any) -> dict[str, Any]:
    status = {"phase": phase, "attempts": [{"index": 0, "generation": 1}]}
    if phase == "Succeeded":
        status["modelVersion"] = "v1"
    return make("TrainingJob", "train", spec={"model": "digits"}, status=status, generation=generation, **metadata)


def prepared(*objects: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    warnings = Warnings()
    return prepare(objects, warnings), warnings.lines


def test_an_alias_gets_the_version_that_it_points_at() -> None:
    (found, _), warnings = prepared(version(), model())
    assert found["spec"]["aliases"] == [
        {"name": "champion", "bootstrap": True, "restore": {"version": "v1", "digest": DIGEST}},
        {"name": "staging"},
    ]
    assert warnings == []


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ([model()], "is not in the export"),
        ([model(versionUid="another"), version()], "another object has its name"),
        ([model(digest=None), version()], "no digest"),
    ],
)
def test_an_alias_that_cannot_be_restored_is_reported(objects: list[dict[str, Any]], words: str) -> None:
    # Given a spec from an earlier restore
    champion = objects[0]["spec"]["aliases"][0]
    champion["restore"] = {"version": "v0", "digest": DIGEST}
    found, (warning,) = prepared(*objects)
    assert found[0]["spec"]["aliases"] == [{"name": "champion", "bootstrap": True}, {"name": "staging"}]
    assert warning.startswith("Model team-a/digits: alias champion is not restored")
    assert words in warning


def test_only_what_the_user_wrote_is_kept() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mlops-operator.io/trigger": "1", "a": "b"}
    spec = {"model": "digits", "triggers": [{"name": "nightly"}]}
    policy = make("RetrainPolicy", "weekly", spec=spec, annotations=annotations, labels={"c": "d"}, status={})
    (found,), _ = prepared(policy)
    assert found["spec"] == spec
    assert found["metadata"] == {
        "name": "weekly",
        "namespace": "team-a",
        "labels": {"c": "d"},
        "annotations": {"a": "b"},
    }
    assert "status" not in found


def test_a_training_that_made_a_version_names_it() -> None:
    (_, found), warnings = prepared(training(), version())
    assert found["metadata"]["annotations"] == {RESTORED_FROM: "v1"}
    assert "suspend" not in found["spec"]
    assert warnings == []


@pytest.mark.parametrize(
    "objects",
    [
        [training("Failed"), version()],
        [training()],
        [training(), version(specDigest=None)],
        [training(generation=2), version()],
    ],
    ids=["failed", "version deleted", "version without a digest", "edited"],
)
def test_a_training_that_may_not_match_a_version_is_suspended(objects: list[dict[str, Any]]) -> None:
    found, (warning,) = prepared(*objects)
    (job,) = [obj for obj in found if obj["kind"] == "TrainingJob"]
    assert job["spec"]["suspend"] is True
    assert warning.startswith("TrainingJob team-a/train: suspended")


def test_a_training_that_has_not_ended_is_left_to_run() -> None:
    (found,), warnings = prepared(training("Running"))
    assert "suspend" not in found["spec"]
    assert warnings == []


def test_decisions_of_the_past_and_children_are_left_out() -> None:
    owner = {"apiVersion": API, "kind": "RetrainPolicy", "name": "weekly", "uid": "u", "controller": True}
    found, warnings = prepared(
        make("Promotion", "old", status={"phase": "Rejected"}),
        make("Promotion", "open", status={"phase": "Evaluating"}),
        make("Evaluation", "old", status={"phase": "Succeeded"}),
        training(ownerReferences=[owner]),
        make("Promotion", "made", ownerReferences=[{**owner, "controller": False}, owner]),
        make("ModelMonitor", "grouped", ownerReferences=[{**owner, "controller": False}]),
        make("ModelMonitor", "web", ownerReferences=[{**owner, "apiVersion": "example.test/v1"}]),
    )
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in found] == [
        ("ModelMonitor", "grouped"),
        ("ModelMonitor", "web"),
        ("Promotion", "open"),
    ]
    assert not any("ownerReferences" in obj["metadata"] for obj in found)
    assert warnings == []


@pytest.mark.parametrize(
    ("api_version", "kind"), [("v1", "Secret"), ("example.test/v1", "Model"), (API, "SomethingNew"), (None, "Model")]
)
def test_objects_of_other_groups_and_kinds_are_left_out_and_reported(api_version: str | None, kind: str) -> None:
    versioned = {"apiVersion": api_version} if api_version else {}
    found, (warning,) = prepared({**versioned, "kind": kind, "metadata": {"name": "s"}})
    assert (found, warning) == ([], f"{kind} s: left out: not an object of mlops-operator.io")


def test_a_training_is_not_named_after_a_version_that_another_one_made() -> None:
    (_, found), _ = prepared(training(), version(name="another"))
    assert "annotations" not in found["metadata"]


def test_objects_come_before_those_that_refer_to_them() -> None:
    objects = [make("RetrainPolicy", "p"), make("Promotion", "p"), training(), make("ModelDeployment", "d")]
    found, _ = prepared(*objects, version(), model())
    assert [obj["kind"] for obj in found] == [
        "Model",
        "ModelVersion",
        "TrainingJob",
        "ModelDeployment",
        "Promotion",
        "RetrainPolicy",
    ]


def test_preparing_again_changes_nothing() -> None:
    once, _ = prepared(training(), version(), model())
    assert prepared(*once)[0] == once


def test_lists_and_several_documents_are_read() -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [model()]}
    of_a_kind = {"apiVersion": API, "kind": "TrainingJobList", "items": [training()]}
    empty = {"apiVersion": "v1", "kind": "List", "items": None}
    text = yaml.safe_dump_all([listed, version(), None, of_a_kind, empty])
    assert [obj["kind"] for obj in read([text])] == ["Model", "ModelVersion", "TrainingJob"]


def test_the_command_reads_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for obj in (model(), version()):
        (tmp_path / f"{obj['kind']}.yaml").write_text(yaml.safe_dump(obj))
    assert main([str(tmp_path / "Model.yaml"), str(tmp_path / "ModelVersion.yaml")]) == 0
    assert "2 of 2 objects written" in capsys.readouterr().err
    assert main([str(tmp_path / "absent.yaml")]) == 1


def test_the_command_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(yaml.safe_dump_all([model(), version()])))
    assert main([]) == 0
    answer = capsys.readouterr()
    assert [obj["kind"] for obj in yaml.safe_load_all(answer.out)] == ["Model", "ModelVersion"]
    assert "2 of 2 objects written" in answer.err


@pytest.mark.parametrize("text", ["- a", "text", "a: [", "{}"])
def test_other_input_is_one_line_of_error(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert main([]) == 1
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.startswith("prepare_restore: ")


def test_help_says_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "`restore`" in capsys.readouterr().out
