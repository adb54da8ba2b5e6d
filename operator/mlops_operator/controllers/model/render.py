# SPDX-License-Identifier: Apache-2.0
"""Children of a Model: the Promotion that offers a version to an empty alias, and the Job that removes files."""

from typing import Final

from mlops_operator.api.common import PodOptions
from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.api.model import Alias
from mlops_operator.api.retention import AnyRemoval, Retention
from mlops_operator.controllers.shared.children import ChildNames, child_names
from mlops_operator.controllers.shared.indexes import VersionFact
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.naming import MAX_NAME, child_metadata, short_hash
from mlops_operator.controllers.shared.task import Step, Task, task_names

COMPONENT: Final = "bootstrap"
REMOVAL: Final = "remove"


def bootstrap_names(model: Manifest, alias: Alias, version: VersionFact) -> ChildNames:
    """Names of the Promotion; a version that is created again has others, and so has a changed gate."""
    parts = [version.uid]
    if alias.gate is not None:
        gate = alias.gate.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        parts.append(compact_json(gate))
    return child_names(model, alias.name, folded=(short_hash(*parts),), max_length=MAX_NAME)


def bootstrap_name(model: Manifest, alias: Alias, version: VersionFact) -> str:
    """Name that the Promotion is created with."""
    return bootstrap_names(model, alias, version).name


def render_bootstrap(model: Manifest, alias: Alias, version: VersionFact) -> Manifest:
    """The Promotion."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Promotion",
        "metadata": child_metadata(model, bootstrap_name(model, alias, version), component=COMPONENT),
        "spec": {
            "model": model["metadata"]["name"],
            "alias": alias.name,
            "version": version.name,
            "reason": f"bootstrap: {alias.name} points at no version yet",
        },
    }


def removal_task(model: Manifest, removal: AnyRemoval, policy: Retention | None) -> Task:
    """The task that removes the files of a version or run: what is in the folder of its TrainingJob, or of an attempt.

    The folder alone is mounted writable. A step before it sees the claim read-only and finds out whether the folder is
    reached through links, which the kubelet would follow.
    """
    folder = removal.folder
    return Task(
        parent=model,
        suffix=_removal_suffix(removal),
        words=_removal_words(removal),
        component=REMOVAL,
        steps=(
            Step(name="check", module="remove_folder", args=("--check", folder), claims=(folder,)),
            Step(module="remove_folder", args=(folder,), write=folder),
        ),
        options=policy.task_pods if policy is not None else PodOptions(),
    )


def removal_job_names(model: Manifest, removal: AnyRemoval) -> ChildNames:
    """Names of the Job that removes the files of a version or run."""
    return task_names(model, _removal_suffix(removal), words=_removal_words(removal))


def _removal_words(removal: AnyRemoval) -> str:
    return f"{REMOVAL}-{removal.failures}"


def _removal_suffix(removal: AnyRemoval) -> str:
    return f"remove-{short_hash(removal.identity)}-{removal.failures}"
