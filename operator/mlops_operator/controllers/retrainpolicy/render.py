# SPDX-License-Identifier: Apache-2.0
"""The policy's children: the TrainingJob that a decision starts, and the Promotion of what comes of it."""

from typing import Final

from pydantic import ValidationError

from mlops_operator.api.meta import API_VERSION, PREFIX, Manifest
from mlops_operator.api.retrainpolicy import Decision
from mlops_operator.controllers.shared.children import ChildNames, child_names
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.naming import child_metadata

ANNOTATION_DECISION: Final = PREFIX + "decision"
"""On a TrainingJob: the decision that started it, as JSON; see `policies/adopt.py`."""

MAX_REASON: Final = 4096
"""Longest reason that a Promotion takes."""


def decision_children(obj: Manifest, decision: Decision) -> ChildNames:
    """Names of the TrainingJob and of the Promotion of a decision."""
    return child_names(obj, folded=(decision.id,))


def decision_child(obj: Manifest, decision: Decision) -> str:
    """Name that the TrainingJob and the Promotion of a decision are created with."""
    return decision_children(obj, decision).name


def render_training_job(obj: Manifest, decision: Decision) -> Manifest:
    """The TrainingJob that `decision` starts: the policy's template with the model filled in."""
    name = decision_child(obj, decision)
    metadata = child_metadata(obj, name, component="training")
    metadata["annotations"] = {ANNOTATION_DECISION: compact_json(decision.to_manifest())}
    spec = obj["spec"]
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingJob",
        "metadata": metadata,
        "spec": {**spec["training"]["spec"], "model": spec["model"]},
    }


def carried_decision(training_job: Manifest) -> Decision | None:
    """The decision that a TrainingJob of a policy carries; None where it carries none that can be read."""
    text = (training_job["metadata"].get("annotations") or {}).get(ANNOTATION_DECISION)
    if not text:
        return None
    try:
        return Decision.model_validate_json(text)
    except ValidationError:
        return None  # somebody else's words: the TrainingJob then counts as started by hand


def render_promotion(obj: Manifest, decision: Decision, *, alias: str) -> Manifest:
    """The request that `alias` point at the decision's version; its reason names trigger and evidence."""
    reason = f"RetrainPolicy {obj['metadata']['name']}, trigger {decision.trigger}: {decision.message}"
    windows = [
        f"{entry.window_end}: {entry.value:.6g} of {entry.version}, limit {entry.limit:.6g}, n {entry.n}"
        for entry in decision.evidence
        if entry.value is not None and entry.limit is not None
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "Promotion",
        "metadata": child_metadata(obj, decision_child(obj, decision), component="promotion"),
        "spec": {
            "model": obj["spec"]["model"],
            "alias": alias,
            "version": decision.model_version,
            "reason": "; ".join((reason, *windows))[:MAX_REASON],
        },
    }
