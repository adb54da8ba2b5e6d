# SPDX-License-Identifier: Apache-2.0
"""Pods as this operator makes them: restricted by default, claims mounted by URI, people's templates merged in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mlops_contract import environment as env_names
from mlops_operator.api.common import EnvVar, PodOptions, PodSettings, PodTemplate, Resources
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.naming import HASH_LENGTH, MAX_LABEL, short_hash

MAIN: Final = "main"
"""Name of the container that does the work."""

TMP: Final = "tmp"
"""Name of the volume behind a container's `/tmp`."""

PVC_SCHEME: Final = "pvc://"


class Location(NamedTuple):
    """A place on a claim; without parts it is the whole claim."""

    claim: str
    parts: tuple[str, ...]

    def holds(self, other: "Location") -> bool:
        """Whether `other` is this place or below it."""
        return self.claim == other.claim and other.parts[: len(self.parts)] == self.parts

    @property
    def sub_path(self) -> str:
        """The path relative to the claim's root; empty for the whole claim."""
        return "/".join(self.parts)


def location_of(uri: str) -> Location | None:
    """The place that a `pvc://<claim>/<path>` names; None for any other scheme."""
    if not uri.startswith(PVC_SCHEME):
        return None
    claim, _, path = uri.removeprefix(PVC_SCHEME).partition("/")
    return Location(claim, tuple(part for part in path.split("/") if part not in ("", ".")))


def locations(uris: Iterable[str]) -> list[Location]:
    """The places that these URIs name, once each, in order."""
    return sorted({location for uri in uris if (location := location_of(uri)) is not None})


def claim_volumes(uris: Iterable[str]) -> list[Manifest]:
    """The volumes of the claims that these URIs name, ordered by claim."""
    claims = sorted({location.claim for location in locations(uris)})
    return [{"name": volume_name(claim), "persistentVolumeClaim": {"claimName": claim}} for claim in claims]


def volume_name(claim: str) -> str:
    """The name of a claim's volume, which follows from the claim's name alone."""
    name = f"pvc-{claim}"
    if "." not in name and len(name) <= MAX_LABEL:
        return name
    return f"{name.replace('.', '-')[: MAX_LABEL - HASH_LENGTH - 1].rstrip('-')}-{short_hash(claim)}"


def claim_mounts(uris: Iterable[str]) -> list[Manifest]:
    """The claims that these URIs name, each as a whole and read-only.

    For containers of the project's own code that do nothing but copy or check, see `task.Step.claims`.
    """
    return [_mount(Location(claim, ()), writable=False) for claim in sorted({place.claim for place in locations(uris)})]


def location_mounts(*, read: Iterable[str], write: Iterable[str] = ()) -> list[Manifest]:
    """Each place that these URIs name by itself: `read` read-only, `write` writable; nothing else of the claims.

    A place inside another one of the same kind needs no mount of its own. The kubelet makes a missing place as
    an empty folder.

    Returns:
        The mounts, ordered by path, so that an outer one comes before an inner one.
    """
    writable = set(locations(write))
    places = sorted(writable | set(locations(read)))
    mounts = []
    for place in places:
        around = [other for other in places if other != place and other.holds(place)]
        if not around or (around[-1] in writable) != (place in writable):
            mounts.append(_mount(place, writable=place in writable))
    return mounts


def _mount(place: Location, *, writable: bool) -> Manifest:
    path = "/".join((env_names.DEFAULT_PVC_ROOT, place.claim, *place.parts))
    mount: Manifest = {"name": volume_name(place.claim), "mountPath": path}
    if place.parts:
        mount["subPath"] = place.sub_path
    if not writable:
        mount["readOnly"] = True
    return mount


def literal(text: str) -> str:
    """`text` escaped for a field that Kubernetes expands (`env` values, `command`, `args`): the container gets `text`.

    Kubernetes replaces `$(NAME)` by the variable of that name, and `$$` by `$`.
    """
    return text.replace("$", "$$")


def environment(values: Mapping[str, str]) -> list[Manifest]:
    """A container's `env` from values that reach it literally, ordered by name."""
    return [{"name": name, "value": literal(value)} for name, value in sorted(values.items())]


def variable(entry: EnvVar) -> Manifest:
    """A variable of a person's `env`, as they wrote it."""
    return entry.model_dump(mode="json", by_alias=True, exclude_none=True)


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
    tmp: str = TMP,
    heard_by_log: bool = True,
) -> Manifest:
    """A restricted container with a writable /tmp on the volume `tmp`; `pod_spec` adds the one called `TMP`.

    Args:
        heard_by_log: whether the last lines of its log are its message where it fails without one.
    """
    result: Manifest = {
        "name": name,
        "image": image,
        "imagePullPolicy": pull_policy,
        "env": list(env),
        "volumeMounts": [{"name": tmp, "mountPath": "/tmp"}, *mounts],
        "securityContext": security_context(),
        "terminationMessagePolicy": "FallbackToLogsOnError" if heard_by_log else "File",
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
    security_context: Mapping[str, Any],
    volumes: Sequence[Manifest] = (),
    init_containers: Sequence[Manifest] = (),
    options: PodOptions | None = None,
    service_account_name: str | None = None,
    restart_policy: str | None = None,
) -> Manifest:
    """A pod spec; no service-account token unless an account is named by `service_account_name`.

    Args:
        security_context: the installation's with what the options change of it, or the one that the pods have.
        options: those in force; their resources are in the containers, their security context in `security_context`,
            their labels and annotations in the template's metadata.
        service_account_name: wins over the account of the options.
    """
    spec: Manifest = {
        "containers": list(containers),
        "volumes": [{"name": TMP, "emptyDir": {}}, *volumes],
        "securityContext": dict(security_context),
        "automountServiceAccountToken": service_account_name is not None,
        "enableServiceLinks": False,
        **(_placement(options) if options is not None else {}),
    }
    if init_containers:
        spec["initContainers"] = list(init_containers)
    if service_account_name:
        spec["serviceAccountName"] = service_account_name
    if restart_policy:
        spec["restartPolicy"] = restart_policy
    return spec


_NOT_IN_SPEC: Final = ("resources", "security_context", "labels", "annotations")
"""Options that are set elsewhere: in the containers, in the pod's security context, in the template's metadata."""


def _placement(options: PodOptions) -> Manifest:
    return options.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(_NOT_IN_SPEC))


def settings_container(
    settings: PodSettings, *, env: Sequence[Manifest], mounts: Sequence[Manifest], resources: Resources
) -> Manifest:
    """The main container of a person's pod settings; their variables win over ours of the same name.

    Args:
        resources: those in force, the settings' own among them.
    """
    theirs = [variable(entry) for entry in settings.env]
    names = {entry["name"] for entry in theirs}
    return container(
        image=settings.image,
        command=settings.command,
        args=settings.args,
        env=[*(entry for entry in env if entry["name"] not in names), *theirs],
        mounts=mounts,
        resources=resources,
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
    merged = merge(spec, template.spec)
    heard = {kind: [*map(_heard_by_log, merged[kind])] for kind in _CONTAINERS if isinstance(merged.get(kind), list)}
    return {"metadata": metadata, "spec": {**merged, **heard}}


_CONTAINERS: Final = ("containers", "initContainers")


def _heard_by_log(entry: Any) -> Any:
    """A container of a template, which is left as it is, with the message policy of `container` unless it has one.

    What is no valid container is left to the API server to refuse.
    """
    return {"terminationMessagePolicy": "FallbackToLogsOnError", **entry} if isinstance(entry, dict) else entry


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
