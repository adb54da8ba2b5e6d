# SPDX-License-Identifier: Apache-2.0
"""Files are removed of versions that nothing can use any more, and of runs that have ended, and of nothing else."""

from collections.abc import Iterator

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, TRAINING_JOBS, Resource
from tests.faults.history import History
from tests.faults.invariants.steps import Step, condition, label, status_of, steps

REMOVED = "ArtifactRemoved"
ENDED = ("Failed", "Succeeded")


def check(history: History) -> Iterator[str]:
    """Every removal that begins too early, and every version that is not given up any more."""
    known: dict[Resource, dict[str, Manifest]] = {kind: {} for kind in (MODELS, MODEL_VERSIONS, TRAINING_JOBS)}
    for step in steps(history, *known, JOBS):
        if step.change.resource == JOBS:
            if step.before is None and label(step.object, "app.kubernetes.io/component") == "remove":
                yield from _too_early(step, known)
            continue
        if step.change.resource == MODEL_VERSIONS and step.before is not None and step.after is not None:
            former = condition(step.before, "Ready").get("reason")
            if former == REMOVED != condition(step.after, "Ready").get("reason"):
                yield f"{step}: its artifact was removed, and it is not {REMOVED} any more"
        objects = known[step.change.resource]
        if step.after is None:
            objects.pop(step.uid, None)
        else:
            objects[step.uid] = step.after


def _too_early(step: Step, known: dict[Resource, dict[str, Manifest]]) -> Iterator[str]:
    (folder,) = step.object["spec"]["template"]["spec"]["containers"][0]["args"]
    aliases = [entry for model in known[MODELS].values() for entry in status_of(model).get("aliases") or ()]
    pointed_at = {entry.get("versionUid") for entry in aliases}
    of_versions = [entry for entry in known[MODEL_VERSIONS].items() if status_of(entry[1]).get("runFolder") == folder]
    for uid, version in of_versions:
        if condition(version, "Ready").get("reason") != REMOVED:
            yield f"{step}: {version['metadata']['name']}, whose files it removes, is not {REMOVED}"
        if uid in pointed_at:
            yield f"{step}: an alias points at {version['metadata']['name']}, whose files it removes"
    for training in known[TRAINING_JOBS].values():
        status, name = status_of(training), training["metadata"]["name"]
        outputs = [f"{entry.get('output', '')}/" for entry in status.get("attempts") or ()]
        if of_versions or not any(output.startswith(f"{folder}/") for output in outputs):
            continue
        if status.get("phase") not in ENDED:
            yield f"{step}: {name}, whose files it removes, has not ended"
        if folder not in (status.get("removedFolders") or ()):
            yield f"{step}: {name} does not record that its files are removed"
