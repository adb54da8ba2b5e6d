# SPDX-License-Identifier: Apache-2.0
"""What an object says of itself, and whether that names what is wrong with it."""

from collections.abc import Iterator, Sequence

from mlops_operator.api.conditions import READY, RECONCILING, STALLED
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import DEGRADED
from mlops_operator.kube.errors import StatusError
from tests.faults.campaigns.edits import Edit
from tests.faults.campaigns.grounds import Ground
from tests.faults.oracles import State, compare
from tests.integration.workshop import condition


def well(obj: Manifest) -> bool:
    """Whether it says that what was declared is so: not that something else is, which it was before."""
    status = obj.get("status") or {}
    abnormal = (condition(status, kind)[0] for kind in (RECONCILING, STALLED, DEGRADED))
    return condition(status, READY)[0] == "True" and "True" not in abnormal


def at_rest(ground: Ground, obj: Manifest) -> bool:
    """Whether the operator has seen the present spec and waits for nothing that passes by itself."""
    status = obj.get("status") or {}
    if status.get("observedGeneration") != obj["metadata"]["generation"]:
        return False
    truth, reason = condition(status, READY)
    return bool(truth) and (reason not in ground.busy or "waiting" in status)


def statements(obj: Manifest) -> Iterator[tuple[str, str]]:
    """Reason and message of everything that its status says."""
    status = obj.get("status") or {}
    for entry in (*(status.get("conditions") or ()), status.get("waiting") or {}, status.get("stopped") or {}):
        if entry:
            yield entry["reason"], entry.get("message", "")


def told(obj: Manifest, edit: Edit) -> bool:
    """Whether it says one of the edit's reasons, in words that name the field or the rule."""
    return any(reason in edit.reasons and names(message, edit.says) for reason, message in statements(obj))


def mentions(obj: Manifest, edit: Edit) -> bool:
    """Whether anything that it says names the field or the value."""
    return any(names(message, edit.says) for _, message in statements(obj))


def names(message: str, words: Sequence[str]) -> bool:
    """Whether one of the words is in it, be it written as a field or in prose."""
    lower = message.lower()
    return any(word.lower() in lower for word in words)


def refusal(error: StatusError, edit: Edit) -> str | None:
    """What is wrong with a refusal; None where it is 4xx and names the field."""
    if not 400 <= error.code < 500:
        return f"answered with {error.code}: {error.message}"
    causes = [str(cause.get("field", "")) for cause in error.details.get("causes") or ()]
    fields = edit.field.split(", ")
    near = any(cause and (field.startswith(cause) or cause.startswith(field)) for cause in causes for field in fields)
    words = [part for field in fields for part in field.replace("]", "").replace("[", ".").split(".")[1:]]
    if near or names(error.message, [word for word in words if not word.isdigit()]) or "immutable" in error.message:
        return None
    return f"refused without a word on {edit.field}: {error.message[:300]}"


def differences(ground: Ground, expected: State, found: State) -> list[str]:
    """What is not the same, without what is history by design."""
    return [
        sentence for sentence in compare(expected, found) if not any(_is(sentence, prefix) for prefix in ground.history)
    ]


def _is(sentence: str, prefix: str) -> bool:
    """Whether a difference is in an object of `<plural>`, or at a path of it with `<plural> <path>`."""
    plural, _, path = prefix.partition(" ")
    if not sentence.startswith(f"{plural}/"):
        return False
    return not path or sentence.partition(" ")[2].startswith(path)
