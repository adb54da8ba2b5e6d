# SPDX-License-Identifier: Apache-2.0
"""A removal that begins while its version may still be used is found."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, TRAINING_JOBS
from tests.faults.invariants.removals import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, child

MODEL = make(MODELS, "digits", spec={})
FOLDER = "pvc://store/trainingjobs/train-12345678"


def version(reason: str, **more: Any) -> Manifest:
    ready = {"type": "Ready", "status": "False", "reason": reason}
    return make(MODEL_VERSIONS, "v1", spec={}, status={"runFolder": FOLDER, "conditions": [ready]}, **more)


def job(folder: str = FOLDER) -> Manifest:
    made = child(JOBS, "remove", MODEL)
    made["metadata"]["labels"]["app.kubernetes.io/component"] = "remove"
    made["spec"] = {"template": {"spec": {"containers": [{"name": "main", "args": [folder]}]}}}
    return made


def test_files_of_a_version_that_was_given_up() -> None:
    story = Story()
    story.put(MODEL_VERSIONS, version("RemovalPending"))
    story.put(MODEL_VERSIONS, version("ArtifactRemoved"))
    story.put(JOBS, job())
    assert list(check(story.history)) == []


@pytest.mark.parametrize("reason", ["Verified", "RemovalPending"])
def test_files_of_a_version_that_was_not(reason: str) -> None:
    story = Story()
    story.put(MODEL_VERSIONS, version(reason))
    story.put(JOBS, job("pvc://store/trainingjobs/other-12345678"))
    assert list(check(story.history)) == []
    again = job()
    again["metadata"]["uid"] = "another"
    story.put(JOBS, again)
    (found,) = check(story.history)
    assert found.endswith("v1, whose files it removes, is not ArtifactRemoved")


def test_files_of_a_version_that_an_alias_points_at() -> None:
    story = Story()
    story.put(MODELS, {**MODEL, "status": {"aliases": [{"name": "champion", "versionUid": "uid-of-v1"}]}})
    story.put(MODEL_VERSIONS, version("ArtifactRemoved"))
    story.put(JOBS, job())
    (found,) = check(story.history)
    assert found.endswith("an alias points at v1, whose files it removes")


def test_a_version_that_comes_back() -> None:
    story = Story()
    story.put(MODEL_VERSIONS, version("ArtifactRemoved"))
    story.put(MODEL_VERSIONS, version("Verified"))
    (found,) = check(story.history)
    assert found.endswith("its artifact was removed, and it is not ArtifactRemoved any more")


def run(phase: str = "Failed", *removed: str) -> Manifest:
    status = {"phase": phase, "attempts": [{"output": f"{FOLDER}/0"}], "removedFolders": list(removed)}
    return make(TRAINING_JOBS, "train", spec={}, status=status)


@pytest.mark.parametrize("folder", [FOLDER, f"{FOLDER}/0"])
def test_files_of_a_run(folder: str) -> None:
    def found(training: Manifest) -> list[str]:
        story = Story()
        story.put(TRAINING_JOBS, training)
        story.put(JOBS, job(folder))
        return list(check(story.history))

    assert found(run("Failed", folder)) == []
    (violation,) = found(run("Running", folder))
    assert violation.endswith("train, whose files it removes, has not ended")
    (violation,) = found(run())
    assert violation.endswith("train does not record that its files are removed")


def test_files_of_a_version_go_with_those_of_its_run() -> None:
    story = Story()
    story.put(TRAINING_JOBS, run("Succeeded"))
    story.put(MODEL_VERSIONS, version("ArtifactRemoved"))
    story.put(JOBS, job())
    assert list(check(story.history)) == []
