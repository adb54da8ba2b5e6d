"""Pods as this operator makes them: restricted by default, claims mounted by URI, people's templates merged in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mlops_contract import environment as env_names
from mlops_operator.api.common import PodSettings, PodTemplate, Resources
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.naming import HASH_LENGTH, MAX_LABEL, short_hash

MAIN: Final = "main"
"""Name of the container that does the work."""

USER_ID: Final = 65532
"""Numeric and not root, as restricted Pod Security wants it; the images' own user."""

PVC_SCHEME: Final = "pvc://"


def claim_of(uri: str) -> str | None:
    """The claim that a `pvc://<claim>/<path>` names; None for any other scheme."""
    if not uri.startswith(PVC_SCHEME):
        return None
    return uri.removeprefix(PVC_SCHEME).partition("/")[0]


def claim_volumes(*, read: Iterable[str], write: Iterable[str]) -> tuple[list[Manifest], list[Manifest]]:
    """Volumes and mounts for the claims that these URIs name, each under its own name.

    A claim that is only read is mounted read-only.

    Returns:
        The pod's volumes and the container's mounts, both ordered by claim.
    """
    writable = {claim for claim in map(claim_of, write) if claim}
    claims = writable | {claim for claim in map(claim_of, read) if claim}
    volumes: list[Manifest] = []
    mounts: list[Manifest] = []
    for claim in sorted(claims):
        volume = f"pvc-{claim}".replace(".", "-")[:MAX_LABEL].rstrip("-")
        if any(entry["name"] == volume for entry in volumes):  # `a.b` beside `a-b`
            volume = f"{volume[: MAX_LABEL - HASH_LENGTH - 1].rstrip('-')}-{short_hash(claim)}"
        volumes.append({"name": volume, "persistentVolumeClaim": {"claimName": claim}})
        mount: Manifest = {"name": volume, "mountPath": f"{env_names.DEFAULT_PVC_ROOT}/{claim}"}
        if claim not in writable:
            mount["readOnly"] = True
        mounts.append(mount)
    return volumes, mounts


def literal(text: str) -> str:
    """`text` escaped for a field that Kubernetes expands (`env` values, `command`, `args`): the container gets `text`.

    Kubernetes replaces `$(NAME)` by the variable of that name, and `$$` by `$`.
    """
    return text.replace("$", "$$")


def environment(values: Mapping[str, str]) -> list[Manifest]:
    """A container's `env` from values that reach it literally, ordered by name."""
    return [{"name": name, "value": literal(value)} for name, value in sorted(values.items())]


def resources_manifest(resources: Resources) -> Manifest:
    """A container's `resources`."""
    return resources.model_dump(mode="json", by_alias=True, exclude_none=True)


def security_context() -> Manifest:
    """A container's restricted security context."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def pod_security_context() -> Manifest:
    """A pod's restricted security context; the group may write to mounted claims."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "fsGroup": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container(
    *,
    image: str,
    name: str = MAIN,
    command: Sequence[str] = (),
    args: Sequence[str] = (),
    env: Sequence[Manifest] = (),
    mounts: Sequence[Manifest] = (),
    resources: Resources | None = None,
    pull_policy: str = "IfNotPresent",
) -> Manifest:
    """A restricted container with a writable /tmp; see `pod_spec` for that volume."""
    result: Manifest = {
        "name": name,
        "image": image,
        "imagePullPolicy": pull_policy,
        "env": list(env),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *mounts],
        "securityContext": security_context(),
        "terminationMessagePolicy": "File",
    }
    if command:
        result["command"] = list(command)
    if args:
        result["args"] = list(args)
    if resources is not None and (limits := resources_manifest(resources)):
        result["resources"] = limits
    return result


def pod_spec(
    *,
    containers: Sequence[Manifest],
    volumes: Sequence[Manifest] = (),
    init_containers: Sequence[Manifest] = (),
    node_selector: Mapping[str, str] | None = None,
    service_account_name: str | None = None,
    restart_policy: str | None = None,
) -> Manifest:
    """A restricted pod spec; no service-account token unless an account is named."""
    spec: Manifest = {
        "containers": list(containers),
        "volumes": [{"name": "tmp", "emptyDir": {}}, *volumes],
        "securityContext": pod_security_context(),
        "automountServiceAccountToken": service_account_name is not None,
        "enableServiceLinks": False,
    }
    if init_containers:
        spec["initContainers"] = list(init_containers)
    if node_selector:
        spec["nodeSelector"] = dict(node_selector)
    if service_account_name:
        spec["serviceAccountName"] = service_account_name
    if restart_policy:
        spec["restartPolicy"] = restart_policy
    return spec


def settings_container(settings: PodSettings, *, env: Sequence[Manifest], mounts: Sequence[Manifest]) -> Manifest:
    """The main container of a person's pod settings; their variables win over ours of the same name."""
    theirs = [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in settings.env]
    names = {entry["name"] for entry in theirs}
    return container(
        image=settings.image,
        command=settings.command,
        args=settings.args,
        env=[*(entry for entry in env if entry["name"] not in names), *theirs],
        mounts=mounts,
        resources=settings.resources,
        pull_policy=settings.image_pull_policy.value,
    )


def merge_template(spec: Manifest, labels: Mapping[str, str], template: PodTemplate) -> Manifest:
    """A pod template of our `spec` and `labels` with a person's template merged in.

    Maps are merged, theirs wins; lists whose items have names are merged by name
    (mounts by path); other lists are appended. Our labels cannot be overridden, since
    children are found by them.
    """
    metadata: Manifest = {"labels": {**template.metadata.labels, **labels}}
    if template.metadata.annotations:
        metadata["annotations"] = dict(template.metadata.annotations)
    return {"metadata": metadata, "spec": merge(spec, template.spec)}


def merge(ours: Any, theirs: Any) -> Any:
    """`theirs` merged into `ours`; see `merge_template`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged = dict(ours)
        for key, value in theirs.items():
            merged[key] = merge(ours[key], value) if key in ours else value
        return merged
    if isinstance(ours, list) and isinstance(theirs, list):
        return _merge_lists(ours, theirs)
    return theirs


_LIST_KEYS: Final = ("mountPath", "containerPort", "name")
"""Keys by which list items are matched, the most specific first: mounts share names, not paths."""


def _has(item: Any, key: str) -> bool:
    # A template may contain any JSON; what is no name or port is left to the API server to refuse.
    return isinstance(item, dict) and isinstance(item.get(key), str | int)


def _merge_lists(ours: list[Any], theirs: list[Any]) -> list[Any]:
    items = [*ours, *theirs]
    key = next((key for key in _LIST_KEYS if all(_has(item, key) for item in items)), None)
    if key is None:
        return items
    merged = {item[key]: item for item in ours}
    for item in theirs:
        merged[item[key]] = merge(merged[item[key]], item) if item[key] in merged else item
    return list(merged.values())
