# SPDX-License-Identifier: Apache-2.0
"""Which version is to be served: the one named, or the one the alias points at."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError

from mlops_operator.api.conditions import READY, find, is_true
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import DeploymentReason, ModelDeploymentSpec, ServedModel
from mlops_operator.api.modelversion import ModelVersionSpec, ModelVersionStatus
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint, Problem, draw
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.models import bootstrapping_aliases


class Target(NamedTuple):
    """The ModelVersion to be served; by name alone where the UID is None."""

    name: str
    uid: str | None = None


def target_version(served: ServedModel, model: Manifest | None) -> Target | Problem:
    """The ModelVersion to be served: for an alias the very object that a gate let through.

    Args:
        model: the Model, or None where there is none.
    """
    if model is None:
        return Problem(DeploymentReason.MODEL_NOT_FOUND, f"Model {served.name} does not exist")
    if served.version is not None:
        return Target(served.version)
    declared = {alias["name"] for alias in (model.get("spec") or {}).get("aliases") or ()}
    if served.alias not in declared:
        return Problem(DeploymentReason.ALIAS_NOT_FOUND, f"Model {served.name} has no alias {served.alias!r}")
    for alias in (model.get("status") or {}).get("aliases") or ():
        if alias["name"] == served.alias:
            return Target(alias["version"], alias.get("versionUid") or "")
    message = f"alias {served.alias!r} of Model {served.name} points at no version"
    if served.alias in bootstrapping_aliases(model):
        return Problem(DeploymentReason.ALIAS_UNSET, f"{message} yet: its first version is verified or measured")
    return Problem(DeploymentReason.ALIAS_UNSET, message, expected=True)


def resolve(
    spec: ModelDeploymentSpec,
    *,
    model: Manifest | None,
    versions: Mapping[str, Manifest],
    settings: Settings,
    restarted_at: str | None = None,
) -> Blueprint | Problem:
    """The blueprint of what `spec` asks for, or why there is none (yet).

    Args:
        versions: the ModelVersions there are, by name.
        restarted_at: value of the annotation that asks for new pods.
    """
    target = target_version(spec.model, model)
    if isinstance(target, Problem):
        return target
    name, version = target.name, versions.get(target.name)
    if version is None or target.uid not in (None, version["metadata"]["uid"]):
        return Problem(DeploymentReason.MODEL_VERSION_NOT_FOUND, _missing(spec.model, target, version))
    drawn = blueprint_of(spec, version, settings, restarted_at=restarted_at)
    if isinstance(drawn, Problem):
        return drawn
    if drawn.model != spec.model.name:
        return Problem(
            DeploymentReason.MODEL_MISMATCH,
            f"ModelVersion {name} is a version of Model {drawn.model}, expected one of {spec.model.name}",
            permanent=True,
        )
    return not_ready(name, version) or drawn


def _missing(served: ServedModel, target: Target, version: Manifest | None) -> str:
    """That the version does not exist, or that another object has its name, and what to do."""
    if target.uid is None:
        return f"ModelVersion {target.name} does not exist"
    points = f"alias {served.alias!r} points at ModelVersion {target.name} with UID {target.uid}, which was deleted"
    if version is None:
        return f"{points}: promote another version"
    return (
        f"{points}; the object of that name has UID {version['metadata']['uid']} and has not passed the gate: promote a"
        " version"
    )


def blueprint_of(
    spec: ModelDeploymentSpec, version: Manifest, settings: Settings, *, restarted_at: str | None = None
) -> Blueprint | Problem:
    """The blueprint by which `spec` serves a ModelVersion, be it ready or not."""
    name = version["metadata"]["name"]
    try:
        parsed = ModelVersionSpec.model_validate(version["spec"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"the spec of ModelVersion {name} is invalid at {where}: {first['msg']}"
        return Problem(DeploymentReason.MODEL_VERSION_NOT_READY, message, permanent=True)
    return draw(
        spec,
        name=name,
        uid=version["metadata"]["uid"],
        version=parsed,
        settings=settings,
        restarted_at=restarted_at,
    )


def not_ready(name: str, version: Manifest) -> Problem | None:
    """Why a ModelVersion may not be served; None where it may."""
    conditions = ModelVersionStatus.of(version).conditions
    if is_true(conditions, READY):
        return None
    ready = find(conditions, READY)
    why = f": {ready.reason}: {ready.message}".rstrip(": ") if ready is not None else ""
    return Problem(DeploymentReason.MODEL_VERSION_NOT_READY, f"ModelVersion {name} is not verified{why}")
