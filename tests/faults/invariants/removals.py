"""Files are removed of versions alone that nothing can use any more."""

from collections.abc import Iterator

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS
from tests.faults.history import History
from tests.faults.invariants.steps import Step, condition, label, status_of, steps

REMOVED = "ArtifactRemoved"


def check(history: History) -> Iterator[str]:
    """Every removal that begins too early, and every version that is not given up any more."""
    versions: dict[str, Manifest] = {}
    models: dict[str, Manifest] = {}
    for step in steps(history, MODELS, MODEL_VERSIONS, JOBS):
        if step.change.resource == JOBS:
            if step.before is None and label(step.object, "app.kubernetes.io/component") == "remove":
                yield from _too_early(step, versions, models)
            continue
        if step.change.resource == MODEL_VERSIONS and step.before is not None and step.after is not None:
            former = condition(step.before, "Ready").get("reason")
            if former == REMOVED != condition(step.after, "Ready").get("reason"):
                yield f"{step}: its artifact was removed, and it is not {REMOVED} any more"
        known = models if step.change.resource == MODELS else versions
        if step.after is None:
            known.pop(step.uid, None)
        else:
            known[step.uid] = step.after


def _too_early(step: Step, versions: dict[str, Manifest], models: dict[str, Manifest]) -> Iterator[str]:
    (folder,) = step.object["spec"]["template"]["spec"]["containers"][0]["args"]
    aliases = [entry for model in models.values() for entry in status_of(model).get("aliases") or ()]
    pointed_at = {entry.get("versionUid") for entry in aliases}
    for uid, version in versions.items():
        if status_of(version).get("runFolder") != folder:
            continue
        if condition(version, "Ready").get("reason") != REMOVED:
            yield f"{step}: {version['metadata']['name']}, whose files it removes, is not {REMOVED}"
        if uid in pointed_at:
            yield f"{step}: an alias points at {version['metadata']['name']}, whose files it removes"
