# SPDX-License-Identifier: Apache-2.0
"""The options of pods: the installation's defaults, what an object sets itself, and the pod spec that follows.

`merged` is the only place where one wins over the other. See docs/how-to/pods.md.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeVar

from mlops_operator.api.common import PodOptions, PodTemplate, Resources, TemplateMetadata
from mlops_operator.api.meta import Manifest
from mlops_operator.api.schema import Quantity
from mlops_operator.controllers.shared.pods import MAIN

_Value = TypeVar("_Value")

_SHARED: Final = ("cpu", "memory")
"""What a container that runs before the main one borrows: it needs no device, and no huge pages."""


def merged(defaults: PodOptions, own: PodOptions) -> PodOptions:
    """The options in force where an object sets `own`: a field that it sets replaces the default.

    Members of `resources` and of the security context are replaced one by one.
    """
    contexts = (defaults.security_context, own.security_context)
    return PodOptions(
        resources=merged_resources(defaults.resources, own.resources),
        node_selector=_first(own.node_selector, defaults.node_selector),
        tolerations=_first(own.tolerations, defaults.tolerations),
        affinity=_first(own.affinity, defaults.affinity),
        priority_class_name=_first(own.priority_class_name, defaults.priority_class_name),
        runtime_class_name=_first(own.runtime_class_name, defaults.runtime_class_name),
        image_pull_secrets=_first(own.image_pull_secrets, defaults.image_pull_secrets),
        security_context={**(contexts[0] or {}), **(contexts[1] or {})} if contexts != (None, None) else None,
        service_account_name=_first(own.service_account_name, defaults.service_account_name),
        labels=_first(own.labels, defaults.labels),
        annotations=_first(own.annotations, defaults.annotations),
    )


def merged_resources(defaults: Resources, own: Resources) -> Resources:
    """Requests and limits where an object sets `own`.

    A resource that the object names, requested or limited, is the object's alone: a default limit below its request
    would be refused, and one beside it would take away room that was left open on purpose.
    """
    named = {*(own.requests or ()), *(own.limits or ())}
    return Resources(
        requests=_amounts(defaults.requests, own.requests, named),
        limits=_amounts(defaults.limits, own.limits, named),
    )


def _amounts(
    defaults: Mapping[str, Quantity] | None, own: Mapping[str, Quantity] | None, named: Collection[str]
) -> dict[str, Quantity] | None:
    kept = {name: amount for name, amount in (defaults or {}).items() if name not in named}
    return {**kept, **(own or {})} or None


def _first(own: _Value | None, default: _Value | None) -> _Value | None:
    return own if own is not None else default


def beside(defaults: PodOptions, template: Mapping[str, Any]) -> PodOptions:
    """The defaults without what the pod spec of a user's template sets itself.

    Its lists would be appended to the defaults otherwise, and its amounts contradict them.
    """
    taken: dict[str, Any] = {
        name: None
        for name, field in PodOptions.model_fields.items()
        if field.alias in template and name not in ("resources", "security_context")
    }
    own = next((entry.get("resources") for entry in _containers(template, "containers") if _is(entry, MAIN)), None)
    if isinstance(own, dict):
        named = {name for kind in ("requests", "limits") if isinstance(own.get(kind), dict) for name in own[kind]}
        amounts = defaults.resources
        taken["resources"] = Resources(
            requests=_amounts(amounts.requests, None, named), limits=_amounts(amounts.limits, None, named)
        )
    return defaults.replace(**taken)


def template_with_defaults(defaults: PodOptions, template: PodTemplate) -> PodTemplate:
    """A user's template with the default labels and annotations under its own, key by key."""
    own = template.metadata
    metadata = TemplateMetadata(
        labels={**(defaults.labels or {}), **own.labels},
        annotations={**(defaults.annotations or {}), **own.annotations},
    )
    return PodTemplate(metadata=metadata, spec=template.spec)


def security_context(installation: Mapping[str, Any], options: PodOptions) -> Manifest:
    """The pods' security context: that of the installation with the options' members in place of its own."""
    return {**installation, **(options.security_context or {})}


def lend_resources(pod: Manifest, *, borrowers: Collection[str]) -> Manifest:
    """A pod spec whose containers `borrowers` request and limit as much CPU and memory as the main container.

    They run before it, so the pod needs no more room. Without, a quota on CPU or memory refuses the pod, and one whose
    requests equal its limits is not `Guaranteed`. A container that has resources keeps them.
    """
    amounts = next((entry.get("resources") for entry in _containers(pod, "containers") if _is(entry, MAIN)), None)
    share = _share(amounts)
    if not share:
        return pod
    inits = [
        {**entry, "resources": share} if isinstance(entry, dict) and _lacks(entry, borrowers) else entry
        for entry in _containers(pod, "initContainers")
    ]
    return {**pod, "initContainers": inits} if inits else pod


def _share(amounts: object) -> Manifest:
    """CPU and memory of a container's resources, which a template may have made anything."""
    if not isinstance(amounts, dict):
        return {}
    shares = {
        kind: {name: amount for name, amount in amounts[kind].items() if name in _SHARED}
        for kind in ("requests", "limits")
        if isinstance(amounts.get(kind), dict)
    }
    return {kind: share for kind, share in shares.items() if share}


def _containers(pod: Mapping[str, Any], kind: str) -> list[Any]:
    found = pod.get(kind)
    return found if isinstance(found, list) else []


def _is(entry: object, name: str) -> bool:
    return isinstance(entry, dict) and entry.get("name") == name


def _lacks(entry: Mapping[str, Any], borrowers: Collection[str]) -> bool:
    return entry.get("name") in list(borrowers) and not entry.get("resources")
