#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prepare an export of mlops-operator objects, so that applying it restores them: nothing trains or is promoted again.

Reads manifests as `kubectl get ... -o yaml` writes them, with their status, and writes manifests for `kubectl apply`:

- Models: each alias gets `restore` with the version that it points at and the digest of its artifact.
- TrainingJobs that have ended: the annotation mlops-operator.io/restored-from names their ModelVersion. One that may
  not match its version (it failed, its version was deleted, its spec was edited) is suspended.
- Promotions and Evaluations that are decided, and objects that a Model, a Promotion or a RetrainPolicy created, are
  left out: they are records of the past, or are created again.
- RetrainPolicies: the annotations that start a training or end a hold are removed.
- status and all metadata but name, namespace, labels and annotations are removed.
- The objects are in an order in which nothing waits: Models, ModelVersions, the rest, RetrainPolicies.

Warnings go to standard error. Needs Python 3.11 and PyYAML.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

Manifest = dict[str, Any]

GROUP: Final = "mlops-operator.io"
RESTORED_FROM: Final = f"{GROUP}/restored-from"

ORDER: Final = (
    "Model",
    "ModelVersion",
    "TrainingJob",
    "ModelDeployment",
    "ModelMonitor",
    "Evaluation",
    "Promotion",
    "RetrainPolicy",
)
"""Kinds, those first that others refer to."""

_DROPPED: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        f"{GROUP}/rendered-digest",
        f"{GROUP}/trigger",
        f"{GROUP}/resume",
    }
)
"""Annotations that speak of the former object, or that would be acted on again."""

_DECIDED: Final[Mapping[str, frozenset[str]]] = {
    "Promotion": frozenset({"Promoted", "Rejected", "Superseded"}),
    "Evaluation": frozenset({"Succeeded", "Failed"}),
}
_ENDED: Final = frozenset({"Succeeded", "Failed"})

Key = tuple[str, str, str]
"""Kind, namespace and name."""


class Warnings:
    """What the user should know, with the object that it is about."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, obj: Manifest, text: str) -> None:
        """Record a warning."""
        kind, namespace, name = key_of(obj)
        self.lines.append(f"{kind} {namespace + '/' if namespace else ''}{name}: {text}")


def prepare(objects: Sequence[Manifest], warnings: Warnings) -> list[Manifest]:
    """The objects to apply, in order.

    Args:
        objects: as they were exported, with their status.
        warnings: gets what the user should know.
    """
    known = {key_of(obj): obj for obj in objects}
    kept = [obj for obj in objects if _is_kept(obj, warnings)]
    return [_prepared(obj, known, warnings) for obj in sorted(kept, key=_order)]


def key_of(obj: Manifest) -> Key:
    """Kind, namespace and name of an object."""
    metadata = obj.get("metadata") or {}
    return obj.get("kind", ""), metadata.get("namespace", ""), metadata.get("name", "")


def _order(obj: Manifest) -> tuple[int, str, str]:
    kind, namespace, name = key_of(obj)
    return ORDER.index(kind), namespace, name


def _is_kept(obj: Manifest, warnings: Warnings) -> bool:
    if not _is_own(obj):
        warnings.add(obj, f"left out: not an object of {GROUP}")
        return False
    decided = _status(obj).get("phase") in _DECIDED.get(obj["kind"], ())
    owners = obj["metadata"].get("ownerReferences") or ()
    created = any(_group(entry.get("apiVersion", "")) == GROUP and entry.get("controller") for entry in owners)
    return not decided and not created


def _is_own(obj: Manifest) -> bool:
    return _group(obj.get("apiVersion", "")) == GROUP and obj.get("kind") in ORDER


def _group(api_version: str) -> str:
    return api_version.partition("/")[0]


def _status(obj: Manifest) -> Manifest:
    return obj.get("status") or {}


def _prepared(obj: Manifest, known: Mapping[Key, Manifest], warnings: Warnings) -> Manifest:
    metadata = obj["metadata"]
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _DROPPED}
    spec = dict(obj.get("spec") or {})
    if obj["kind"] == "Model":
        spec["aliases"] = list(_aliases(obj, known, warnings))
        if not spec["aliases"]:
            del spec["aliases"]
    elif obj["kind"] == "TrainingJob":
        version = _version_of(obj, known)
        if version is not None:
            annotations[RESTORED_FROM] = version
        if (doubt := _doubt(obj, version)) is not None:
            spec["suspend"] = True
            warnings.add(obj, f"suspended, so that it does not run again: {doubt}")
    kept = {"name": metadata["name"], "namespace": metadata.get("namespace"), "labels": metadata.get("labels")}
    kept["annotations"] = annotations
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {name: value for name, value in kept.items() if value},
        "spec": spec,
    }


def _aliases(model: Manifest, known: Mapping[Key, Manifest], warnings: Warnings) -> Iterator[Manifest]:
    """The aliases of the spec, each with the version that it points at."""
    pointing = {entry["name"]: entry for entry in _status(model).get("aliases") or ()}
    for alias in (model.get("spec") or {}).get("aliases") or ():
        entry = pointing.get(alias["name"])
        if entry is None:
            yield alias
            continue
        problem = _problem(model, entry, known)
        if problem is None:
            yield {**alias, "restore": {"version": entry["version"], "digest": entry["digest"]}}
        else:
            warnings.add(model, f"alias {alias['name']} is not restored: {problem}")
            yield {name: value for name, value in alias.items() if name != "restore"}


def _problem(model: Manifest, entry: Manifest, known: Mapping[Key, Manifest]) -> str | None:
    """Why an alias cannot be restored to what it points at."""
    if not entry.get("digest"):
        return f"the status has no digest of {entry['version']}"
    version = known.get(("ModelVersion", model["metadata"].get("namespace", ""), entry["version"]))
    if version is None:
        return f"ModelVersion {entry['version']} is not in the export"
    uid = version["metadata"].get("uid")
    if uid and entry.get("versionUid") and uid != entry["versionUid"]:
        return f"ModelVersion {entry['version']} was deleted, and another object has its name"
    return None


def _version_of(training: Manifest, known: Mapping[Key, Manifest]) -> str | None:
    """Name of the ModelVersion in the export that the TrainingJob made."""
    name = _status(training).get("modelVersion")
    version = known.get(("ModelVersion", training["metadata"].get("namespace", ""), name or ""))
    if version is None:
        return None
    trained_by = ((version.get("spec") or {}).get("lineage") or {}).get("trainingJob") or {}
    return name if trained_by.get("name") == training["metadata"]["name"] and trained_by.get("specDigest") else None


def _doubt(training: Manifest, version: str | None) -> str | None:
    """Why a TrainingJob that has ended might run again; None where it has not ended, or will find its version."""
    status = _status(training)
    if status.get("phase") not in _ENDED:
        return None
    if version is None:
        return f"it is {status['phase']}, and no ModelVersion in the export has its name and the digest of its spec"
    attempts = status.get("attempts") or ()
    if attempts and attempts[-1].get("generation") != training["metadata"].get("generation"):
        return f"its spec was edited after the attempt that made {version} had started"
    return None


def read(texts: Iterable[str]) -> list[Manifest]:
    """All objects of YAML documents and of Lists in them.

    Raises:
        ValueError: a document is no Kubernetes object.
    """
    objects: list[Manifest] = []
    for document in (document for text in texts for document in yaml.safe_load_all(text)):
        if document is None:
            continue
        if not isinstance(document, dict) or "kind" not in document:
            raise ValueError(f"expected a Kubernetes object or a List of them, found {type(document).__name__}")
        objects += (document.get("items") or []) if document["kind"].endswith("List") else [document]
    return objects


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="exports; standard input if none is named")
    options = parser.parse_args(arguments)
    try:
        texts = [sys.stdin.read()] if not options.files else [_content(name) for name in options.files]
        objects = read(texts)
    except (OSError, ValueError, yaml.YAMLError) as error:
        sys.stderr.write(f"prepare_restore: {error}\n")
        return 1
    warnings = Warnings()
    prepared = prepare(objects, warnings)
    sys.stdout.write(yaml.safe_dump_all(prepared, sort_keys=False))
    for line in warnings.lines:
        sys.stderr.write(f"warning: {line}\n")
    sys.stderr.write(f"{len(prepared)} of {len(objects)} objects written\n")
    return 0


def _content(name: str) -> str:
    with open(name, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    sys.exit(main())
