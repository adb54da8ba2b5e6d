# SPDX-License-Identifier: Apache-2.0
"""The Job that checks an artifact against its digest."""

from typing import Final

from mlops_operator.api.common import PodOptions
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.task import Step, Task, render_task

COMPONENT: Final = "verify"


def verification(obj: Manifest, attempt: int) -> Task:
    """The verification with this number, counted from 0."""
    spec = obj.get("spec") or {}
    artifact = spec.get("artifact") or {}
    uri, digest = artifact.get("uri", ""), artifact.get("digest", "")
    return Task(
        parent=obj,
        suffix=f"verify-{attempt}",
        component=COMPONENT,
        steps=(Step(module="fetch", args=("--uri", uri, "--digest", digest, "--verify-only"), claims=(uri,)),),
        options=PodOptions.model_validate(spec.get("taskPods") or {}),
    )


def render_job(obj: Manifest, attempt: int, settings: Settings) -> Manifest:
    """The Job of a verification.

    Its pod is not tried again by Kubernetes: a missing artifact is to be seen at once, and the
    next verification waits as long as the policy says.
    """
    job = render_task(verification(obj, attempt), settings)
    job["spec"]["backoffLimit"] = 0
    return job
