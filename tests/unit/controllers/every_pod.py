# SPDX-License-Identifier: Apache-2.0
"""Every pod that the operator can make, rendered from the smallest objects."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import mlops_operator
from mlops_operator.api.evaluation import EvaluationSpec
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import CandidatePhase, CandidateStatus, ModelDeploymentSpec
from mlops_operator.api.modelmonitor import ModelMonitorSpec, WindowStatus
from mlops_operator.api.modelversion import ModelVersionSpec
from mlops_operator.api.retention import Removal, Retention
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.evaluation.render import evaluation_task
from mlops_operator.controllers.model.render import removal_task
from mlops_operator.controllers.modeldeployment import render as serving
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint, draw
from mlops_operator.controllers.modeldeployment.server_pods import surroundings
from mlops_operator.controllers.modelmonitor.render import window_task
from mlops_operator.controllers.modelversion import render as verifying
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.task import render_task
from mlops_operator.controllers.shared.versions import view_version
from mlops_operator.controllers.trainingjob import render as training
from mlops_operator.kube.resources import (
    EVALUATIONS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODELS,
    TRAINING_JOBS,
)
from tests.unit.controllers.builders import NOW, make
from tests.unit.controllers.modeldeployment.scene import model_version

SOURCE: Final = Path(mlops_operator.__file__).parent / "controllers"
PARTS: Final = {
    "shared/task.py": {"verify", "evaluate", "monitor", "golden", "recheck", "remove"},
    "modeldeployment/server_pods.py": {"server"},
    "trainingjob/render.py": {"training"},
}
"""The modules that make pods, and which ones."""

TASKS: Final = PARTS["shared/task.py"]
TASK_MODULES: Final = {
    "model/render.py",
    "modelversion/render.py",
    "evaluation/render.py",
    "modelmonitor/render.py",
    "modeldeployment/render.py",
}
"""The modules whose tasks these are."""

REMOVAL: Final = Removal(
    version="digits-1",
    version_uid="u",
    digest=f"sha256:{'0' * 64}",
    folder="pvc://store/trainingjobs/train-12345678",
    marked_at="2026-01-01T00:00:00Z",
)


def modules_with(call: str) -> set[str]:
    """The modules of the controllers that call this function."""
    pattern = re.compile(rf"(?<!def )\b{re.escape(call)}\(")
    return {str(path.relative_to(SOURCE)) for path in sorted(SOURCE.rglob("*.py")) if pattern.search(path.read_text())}


def children(
    settings: Settings, *, task_pods: Manifest | None = None, task_image: str | None = None, **own: Any
) -> dict[str, Manifest]:
    """Each Job and Deployment with pods, by what they do.

    Args:
        settings: of the installation.
        task_pods: `taskPods` of each object.
        task_image: `image` of the Evaluation and of the ModelMonitor.
        own: fields of the TrainingJob and the ModelDeployment.
    """
    spec = {"taskPods": task_pods or {}}
    return {
        **_tasks(settings, spec, {"image": task_image} if task_image else {}),
        **_serving(settings, spec, own),
        "training": _training(settings, spec, own),
    }


def _tasks(settings: Settings, spec: Manifest, image: Manifest) -> dict[str, Manifest]:
    version = model_version("digits-1")
    version["spec"] |= spec
    measured = view_version(version)
    assert measured is not None
    rules = {"candidate": "digits-1", "data": [{"name": "d", "uri": "pvc://d"}], "metrics": [{"min": 0.9}]}
    evaluation = make(EVALUATIONS, "e", spec={**rules, **spec, **image})
    evaluated = EvaluationSpec.model_validate(evaluation["spec"])
    monitored = ModelMonitorSpec.model_validate(
        {
            "target": {"deployment": "digits"},
            "source": {"predictionLog": {"uri": "pvc://log"}},
            "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}],
            **spec,
            **image,
        }
    )
    retention = Retention.model_validate(spec)
    window = WindowStatus(start="2026-01-01T00:00:00Z", end="2026-01-01T00:05:00Z", version="digits-1")
    monitor = window_task(make(MODEL_MONITORS, "m", spec={}), monitored, window)
    return {
        "verify": verifying.render_job(version, 0, settings),
        "evaluate": render_task(
            evaluation_task(evaluation, evaluated, measured, measured, settings, model=None), settings
        ),
        "monitor": render_task(monitor, settings),
        "remove": render_task(removal_task(make(MODELS, "digits", spec={}), REMOVAL, retention), settings),
    }


def _serving(settings: Settings, spec: Manifest, own: Manifest) -> dict[str, Manifest]:
    parent = make(MODEL_DEPLOYMENTS, "digits", spec={})
    served = ModelDeploymentSpec.model_validate({"model": {"name": "digits", "version": "digits-1"}, **spec, **own})
    version = ModelVersionSpec.model_validate(model_version("digits-1")["spec"])
    blueprint = draw(served, name="digits-1", uid="u", version=version, settings=settings)
    assert isinstance(blueprint, Blueprint)
    now = NOW.isoformat()
    candidate = CandidateStatus(
        version="digits-1",
        digest=blueprint.digest,
        revision=blueprint.revision,
        deployment="d",
        phase=CandidatePhase.CHECKING,
        started_at=now,
        since=now,
        recheck_job="r",
    )
    golden = serving.golden_task(parent, served, blueprint, candidate, settings, service="digits-candidate")
    recheck = serving.recheck_task(parent, served, blueprint, candidate, ["http://10.0.0.1:8080"])
    given = surroundings(None, settings)
    return {
        "golden": serving.golden_job(golden, settings),
        "recheck": serving.golden_job(recheck, settings),
        "server": serving.deployment(parent, served, blueprint, name="digits", replicas=1, given=given),
    }


def _training(settings: Settings, spec: Manifest, own: Manifest) -> Manifest:
    """A run with every container of the operator's: it reads data and has several replicas."""
    fields = {"image": "example/train:1", "replicas": 2, "data": [{"name": "d", "uri": "pvc://data"}], **spec, **own}
    obj = make(TRAINING_JOBS, "train", spec=fields, generation=1)
    return training.render_job(obj, TrainingJobSpec.model_validate(fields), settings, 0, model=None)


def pod_of(child: Manifest) -> Manifest:
    """The pod spec of a child."""
    spec: Manifest = child["spec"]["template"]["spec"]
    return spec


def containers(child: Manifest) -> Iterator[Manifest]:
    """Its containers, those before the main one among them."""
    pod = pod_of(child)
    yield from (*pod.get("initContainers", ()), *pod["containers"])
