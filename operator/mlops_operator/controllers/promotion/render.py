"""The Evaluation that an alias's gate asks for."""

from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.api.model import Gate
from mlops_operator.controllers.shared.naming import child_metadata, child_name, short_hash
from mlops_operator.controllers.shared.task import compact_json

COMPONENT = "gate"


def evaluation_name(obj: Manifest, gate: Gate, *, baseline: str | None) -> str:
    """Name of the Evaluation by this gate against this baseline: another gate or baseline asks for another one."""
    return child_name(obj, short_hash(baseline or "", compact_json(_measurement(gate))))


def render_evaluation(obj: Manifest, gate: Gate, *, baseline: str | None) -> Manifest:
    """The Evaluation of the Promotion's version against `baseline` by all that the gate asks."""
    spec = {**_measurement(gate), "candidate": obj["spec"]["version"]}
    if baseline is not None:
        spec["baseline"] = baseline
    return {
        "apiVersion": API_VERSION,
        "kind": "Evaluation",
        "metadata": child_metadata(obj, evaluation_name(obj, gate, baseline=baseline), component=COMPONENT),
        "spec": spec,
    }


def _measurement(gate: Gate) -> Manifest:
    """What the gate shares with an Evaluation."""
    return gate.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"baseline"})
