# SPDX-License-Identifier: Apache-2.0
"""RBAC policy rules from what the controllers and the engine declare.

A right is granted because a declaration names it: own kinds are read and their status is
patched, watched resources are read, everything else stands in a controller's `rules`. Nothing
is granted by wildcard, and Secrets never: pods mount them, the operator does not read them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlops_operator.api.kind import Kind
from mlops_operator.api.meta import GROUP, Manifest
from mlops_operator.kube.resources import EVENTS, LEASES, NODES, PODS
from mlops_operator.runtime.work.controller import Controller, Rule

READ: Final = ("get", "list", "watch")
WATCHED: Final = ("list", "watch")
"""Verbs that the engine needs on a watched resource. A controller that gets a resource by name declares `get` in its
rules."""

WRITE: Final = ("create", "update", "patch", "delete", "deletecollection")

VERBS: Final = (*READ, *WRITE)
"""The verbs that may be granted, in the order in which they are written."""

NEVER: Final = frozenset({"*", "secrets"})
"""Resources that no declaration may name."""

ENGINE: Final[tuple[Rule, ...]] = (Rule(EVENTS, ("list", "create")),)
"""What the engine itself needs wherever objects are: it publishes events about them, and reads those about Jobs and
pods that do not start."""

CLUSTER: Final[tuple[Rule, ...]] = (Rule(NODES, ("list",)),)
"""What it needs beside that where it serves all namespaces: sizes of nodes, for pods that the scheduler finds no node
for. Where it serves single namespaces it does without."""


class ForbiddenRuleError(ValueError):
    """A declaration asks for a right that is never granted."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(
            f"expected verbs among {', '.join(VERBS)} on a named resource other than secrets, "
            f"found {', '.join(rule.verbs)} on {rule.resource}: narrow the controller's rule"
        )


@dataclass(frozen=True)
class _Target:
    group: str
    resource: str


def operator_rules(controllers: Iterable[Controller]) -> list[Manifest]:
    """The rights of the operator in every namespace it serves, as PolicyRules."""
    declared: list[Rule] = [*ENGINE]
    for controller in controllers:
        declared.append(Rule(controller.resource, READ))
        declared.append(Rule(controller.resource, ("patch",), subresource="status"))
        declared += [Rule(watch.resource, WATCHED) for watch in controller.watches]
        declared += controller.rules
    return policy_rules(declared)


def written_resources(controllers: Iterable[Controller]) -> list[Manifest]:
    """What controllers create, change or delete beside status and events, as rules of an admission policy."""
    by_group: dict[str, set[str]] = {}
    for rule in (rule for controller in controllers for rule in controller.rules):
        if not rule.subresource and not set(rule.verbs).isdisjoint(WRITE):
            by_group.setdefault(rule.resource.group, set()).add(rule.resource.plural)
    return [
        {
            "apiGroups": [group],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE", "DELETE"],
            "resources": sorted(names),
        }
        for group, names in sorted(by_group.items())
    ]


def cluster_rules() -> list[Manifest]:
    """The rights on objects without a namespace, of an operator that serves all namespaces."""
    return policy_rules(CLUSTER)


def leader_rules(lease: str) -> list[Manifest]:
    """The rights in the operator's own namespace: its lease, and whether the pod that holds it still is.

    Args:
        lease: the lease's name; a template expression will do. `create` cannot be bound to a name.
    """
    return [
        {"apiGroups": [LEASES.group], "resources": [LEASES.plural], "verbs": ["create"]},
        {
            "apiGroups": [LEASES.group],
            "resources": [LEASES.plural],
            "resourceNames": [lease],
            "verbs": ["get", "update"],
        },
        {"apiGroups": [PODS.group], "resources": [PODS.plural], "verbs": ["get"]},
    ]


def viewer_rules(kinds: Sequence[Kind]) -> list[Manifest]:
    """Rights on the kinds of users who may view a namespace."""
    return [{"apiGroups": [GROUP], "resources": sorted(kind.plural for kind in kinds), "verbs": list(READ)}]


def editor_rules(kinds: Sequence[Kind]) -> list[Manifest]:
    """Rights on the kinds of users who may edit a namespace. Only the operator writes the status."""
    scaled = sorted(f"{kind.plural}/scale" for kind in kinds if kind.scale is not None)
    return [
        {"apiGroups": [GROUP], "resources": sorted(kind.plural for kind in kinds), "verbs": list(WRITE)},
        {"apiGroups": [GROUP], "resources": scaled, "verbs": ["get", "update", "patch"]},
    ]


def policy_rules(declared: Iterable[Rule]) -> list[Manifest]:
    """Declarations as PolicyRules: one per resource's set of verbs, resources of a group and verbs together.

    Raises:
        ForbiddenRuleError: a wildcard, an unknown verb, or Secrets.
    """
    return _grouped(_verbs_by_target(declared))


def _verbs_by_target(declared: Iterable[Rule]) -> dict[_Target, frozenset[str]]:
    verbs: dict[_Target, frozenset[str]] = {}
    for rule in declared:
        if rule.resource.plural in NEVER or not set(rule.verbs) <= set(VERBS):
            raise ForbiddenRuleError(rule)
        name = f"{rule.resource.plural}/{rule.subresource}" if rule.subresource else rule.resource.plural
        target = _Target(rule.resource.group, name)
        verbs[target] = verbs.get(target, frozenset()) | frozenset(rule.verbs)
    return verbs


def _grouped(verbs: Mapping[_Target, frozenset[str]]) -> list[Manifest]:
    resources: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for target, granted in verbs.items():
        ordered = tuple(verb for verb in VERBS if verb in granted)
        resources.setdefault((target.group, ordered), []).append(target.resource)
    return [
        {"apiGroups": [group], "resources": sorted(names), "verbs": list(ordered)}
        for (group, ordered), names in sorted(resources.items(), key=lambda item: (item[0][0], sorted(item[1])))
    ]
