# SPDX-License-Identifier: Apache-2.0
"""What a user's pod template must not say: it would change what an attempt is, or what a run sees of the stores.

The schema cannot look into the template; the API server would accept all of this.
"""

from collections.abc import Collection, Iterator, Mapping

from mlops_contract.environment import COORDINATOR, DEFAULT_PVC_ROOT
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.shared import pods
from mlops_operator.controllers.shared.locations import CHECK
from mlops_operator.controllers.trainingjob import config_maps
from mlops_operator.controllers.trainingjob.environment import brings_coordinator
from mlops_operator.controllers.trainingjob.names import WAIT
from mlops_operator.controllers.trainingjob.policies.gate_data import template_claims


def problem(spec: TrainingJobSpec, uris: Collection[str]) -> str | None:
    """A sentence on the first thing that cannot be honored; None where all can.

    Args:
        spec: the training.
        uris: the places that the operator mounts for the run, and the artifact store.
    """
    return _attempt(spec) or _stores(spec, uris)


def _attempt(spec: TrainingJobSpec) -> str | None:
    pod: Mapping[str, object] = spec.template.spec
    policy = pod.get("restartPolicy", "Never")
    if policy != "Never":
        return (
            f"template.spec.restartPolicy: expected Never, found {policy!r}: failed attempts are counted and "
            "tried again by backoffLimit, which a restart inside the pod would hide"
        )
    if spec.replicas > 1:
        for name in ("hostname", "subdomain"):
            if name in pod:
                return (
                    f"template.spec.{name}: expected it to be absent with replicas > 1, found {pod[name]!r}: "
                    "each replica gets its own name"
                )
        if _blind(pod) and not brings_coordinator(spec):
            return (
                "template.spec.dnsPolicy: expected ClusterFirstWithHostNet with hostNetwork and replicas > 1, found "
                f"{pod.get('dnsPolicy', 'ClusterFirst')!r}, which finds no name of the cluster in the host's network; "
                f"or set {COORDINATOR} in spec.env"
            )
    return None


def _blind(pod: Mapping[str, object]) -> bool:
    """Whether a pod asks the node's DNS only, though its policy has another name: Kubernetes takes it for `Default`."""
    return pod.get("hostNetwork") is True and pod.get("dnsPolicy", "ClusterFirst") == "ClusterFirst"


def _stores(spec: TrainingJobSpec, uris: Collection[str]) -> str | None:
    """The operator mounts each declared place by itself; the template must not show more of the same claims."""
    places = pods.locations(uris)
    claims = {place.claim for place in places}
    for index, claim in template_claims(spec):
        if claim in claims:
            return (
                f"template.spec.volumes[{index}]: expected another claim than {claim}, which the operator mounts: "
                "declare what the run reads of it in spec.data"
            )
    # A list: a name of the template may be anything.
    names = [*map(pods.volume_name, claims), *map(config_maps.volume_name, config_maps.used(spec))]
    for where, item in _items(spec.template.spec, "volumes"):
        if item.get("name") in names:
            return f"{where}: expected another name than {item['name']!r}, which is the operator's own volume"
    for group in ("initContainers", "containers"):
        for where, container in _items(spec.template.spec, group):
            if (name := container.get("name")) in [CHECK, WAIT]:  # a list: a name of the template may be anything
                return f"{where}: expected another name than {name!r}, which is the operator's own container"
            for at, mount in _items(container, "volumeMounts"):
                if mount.get("name") in names or _below_root(mount.get("mountPath")):
                    return (
                        f"{where}.{at.removeprefix('template.spec.')}: expected no mount of the operator's volumes, "
                        f"found {mount.get('mountPath')!r} of {mount.get('name')!r}: declare what the run reads in "
                        "spec.data"
                    )
    return None


def _below_root(path: object) -> bool:
    """Whether a mount would be merged with one of the operator's, which are matched by their path, or be inside one."""
    return isinstance(path, str) and f"{path}/".startswith(f"{DEFAULT_PVC_ROOT}/")


def _items(parent: Mapping[str, object], name: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The objects of a list, each with where it is."""
    found = parent.get(name)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield f"template.spec.{name}[{index}]", item
