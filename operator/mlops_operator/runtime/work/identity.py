# SPDX-License-Identifier: Apache-2.0
"""Whether an object that exists is the child that a plan would create; pure.

A name and an owner reference prove nothing: any user with the right to create the kind can set both. So what the
executor creates carries a digest of what was rendered, and an object counts as that child only by its content.

- Objects of the operator's own kinds are evidence or requests: spec and recorded digest must both be the rendered
  ones. The spec is compared as a whole, with defaults filled in, since a copied digest proves nothing either.
- Jobs carry defaults and changes by admission, and their users have more rights than this check could take away. The
  recorded digest must be the rendered one, unless the Job was made from an earlier generation of its owner.
- All other children are compared and corrected by every plan. The owner suffices.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from mlops_operator.api.meta import GROUP, LABEL_GENERATION, PREFIX, Manifest, controller_uid
from mlops_operator.api.registry import KINDS
from mlops_operator.runtime.work.quantities import canonical

ANNOTATION_RENDERED: Final = PREFIX + "rendered-digest"
"""On every child: digest of the manifest that the operator rendered for it."""

_SPECS: Final = {kind.kind: kind.spec for kind in KINDS}
_FREE: Final[Mapping[str, frozenset[str]]] = {
    "ModelVersion": frozenset({"task_pods"}),
    "Promotion": frozenset({"reason"}),
    "TrainingJob": frozenset({"suspend"}),
}
"""Fields of the spec that decide nothing (another release words a reason differently), or that others set soon after
the creation, e.g. a queue."""


def rendered_digest(manifest: Manifest) -> str:
    """Digest of a rendered manifest: its identity, its controlling owner, and its content without metadata."""
    metadata = manifest["metadata"]
    content = {name: value for name, value in manifest.items() if name not in ("metadata", "status", "spec")}
    document = {
        **content,
        "name": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "controller": controller_uid(manifest),
        "spec": _spec(manifest, with_defaults=False),
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def stamped(manifest: Manifest) -> Manifest:
    """`manifest` with its digest."""
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), ANNOTATION_RENDERED: rendered_digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def is_rendered(rendered: Manifest, found: Manifest) -> bool:
    """Whether `found`, an object of the same kind and name, is the child that `rendered` describes."""
    if controller_uid(found) != controller_uid(rendered):
        return False
    if _is_own(rendered):
        same = _spec(rendered, with_defaults=True) == _spec(found, with_defaults=True)
        return same and has_content(found, rendered)
    if rendered["kind"] == "Job":
        return has_content(found, rendered) or _generation(found) < _generation(rendered)
    return True


def has_content(found: Manifest, rendered: Manifest) -> bool:
    """Whether `found` was created with the content of `rendered`, by the digest that was recorded then."""
    return _recorded(found) == rendered_digest(rendered)


def _is_own(manifest: Manifest) -> bool:
    return str(manifest["apiVersion"]).partition("/")[0] == GROUP and manifest["kind"] in _SPECS


def _recorded(found: Manifest) -> str | None:
    digest: str | None = (found["metadata"].get("annotations") or {}).get(ANNOTATION_RENDERED)
    return digest


def _generation(job: Manifest) -> int:
    text = str((job["metadata"].get("labels") or {}).get(LABEL_GENERATION, ""))
    return int(text) if text.isascii() and text.isdecimal() else 0


def _spec(manifest: Manifest, *, with_defaults: bool) -> Any:
    """The spec in canonical form, with equal quantities spelled alike.

    Only that is done to a spec that is of no kind of this operator, or does not fit its kind.
    """
    spec = manifest.get("spec")
    if not _is_own(manifest):
        return canonical(spec)
    try:
        parsed = _SPECS[manifest["kind"]].model_validate(spec or {})
    except ValidationError:
        return canonical(spec)
    dumped = parsed.model_dump(
        mode="json",
        by_alias=True,
        exclude_none=True,
        exclude_defaults=not with_defaults,
        exclude=set(_FREE.get(manifest["kind"], ())),
    )
    return canonical(dumped)
