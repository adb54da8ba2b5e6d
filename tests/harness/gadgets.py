# SPDX-License-Identifier: Apache-2.0
"""A small kind and its controller, to test the engine without any of the product's kinds.

A Gadget asks for a ConfigMap that holds its `text`. The status says which text is there. It is
everything an engine has to do: make a child, mend it when it drifts, report, wake up on changes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World, owner_keys
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.drift import differs
from mlops_operator.runtime.work.plan import Action, Apply, Create, Event, EventType, Plan, Read, Rejection

GADGETS = Resource("gadgets.example.com", "v1", "gadgets", "Gadget")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
LABEL = "gadgets.example.com/gadget"

DEFINITION: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{GADGETS.plural}.{GADGETS.group}"},
    "spec": {
        "group": GADGETS.group,
        "scope": "Namespaced",
        "names": {"plural": GADGETS.plural, "kind": GADGETS.kind, "singular": "gadget"},
        "versions": [
            {
                "name": GADGETS.version,
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
            }
        ],
    },
}


def gadget(name: str, namespace: str, **spec: object) -> Manifest:
    """A Gadget; `text` is what its ConfigMap shall hold, `labels` the ConfigMap's further labels."""
    manifest = GADGETS.manifest(name=name, namespace=namespace)
    manifest["spec"] = spec
    return manifest


def child_name(obj: Manifest) -> str:
    digest = sha256(obj["metadata"]["uid"].encode()).hexdigest()[:8]
    return f"{obj['metadata']['name']}-{digest}"


class GadgetController:
    """The smallest complete controller. Counts its plans, by object name."""

    resource = GADGETS
    watches: Sequence[Watch] = (Watch(resource=CONFIG_MAPS, keys=owner_keys(GADGETS), label_selector=LABEL),)
    indexes: Sequence[Index] = ()
    rules: Sequence[Rule] = (Rule(CONFIG_MAPS, ("list", "watch", "create", "patch")),)

    def __init__(self, *, events: bool = False) -> None:
        self.plans: dict[str, int] = {}
        self._events = events

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        return ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        name = obj["metadata"]["name"]
        self.plans[name] = self.plans.get(name, 0) + 1
        wanted = self.child(obj)
        children = world.owned(CONFIG_MAPS, obj["metadata"]["uid"])
        status = {"observedGeneration": obj["metadata"]["generation"], "text": obj["spec"]["text"]}
        actions: tuple[Action, ...] = ()
        if not children:
            actions = (Create(resource=CONFIG_MAPS, manifest=wanted),)
        elif differs(wanted, children[0]):
            actions = (Apply(resource=CONFIG_MAPS, manifest=wanted),)
        events: tuple[Event, ...] = ()
        if self._events and not children:
            events = (Event(type=EventType.NORMAL, reason="Made", message=f"made {name}", action="Make"),)
        return Plan(actions=actions, status=status, events=events, requeue_after=obj["spec"].get("every"))

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        status = {"observedGeneration": obj["metadata"]["generation"], "refused": rejection.reason}
        return Plan(status=status)

    def child(self, obj: Manifest) -> Manifest:
        metadata = obj["metadata"]
        child = CONFIG_MAPS.manifest(name=child_name(obj), namespace=metadata["namespace"])
        child["metadata"]["labels"] = {LABEL: metadata["name"], **obj["spec"].get("labels", {})}
        child["metadata"]["ownerReferences"] = [
            {
                "apiVersion": GADGETS.api_version,
                "kind": GADGETS.kind,
                "name": metadata["name"],
                "uid": metadata["uid"],
                "controller": True,
            }
        ]
        child["data"] = {"text": obj["spec"]["text"]}
        return child
