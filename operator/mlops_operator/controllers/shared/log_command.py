# SPDX-License-Identifier: Apache-2.0
"""The command that prints the logs of an object's pods, for messages about a failure; pure."""

from mlops_contract.text import clean
from mlops_operator.api.conditions import MAX_MESSAGE
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.naming import kind_label, label_value


def log_command(obj: Manifest, *, component: str | None = None) -> str:
    """The kubectl command. All attempts and tries have the label of its selector.

    Args:
        obj: the object of ours that controls the pods' owners.
        component: of the pods, if the object has pods of several.
    """
    metadata = obj["metadata"]
    selector = f"{kind_label(obj['kind'])}={label_value(metadata['name'])}"
    if component is not None:
        selector += f",app.kubernetes.io/component={component}"
    # A selector alone makes kubectl print 10 lines of each pod.
    return f"kubectl logs -n {metadata['namespace']} -l {selector} --all-containers --tail=-1"


def with_log_command(message: str, obj: Manifest, *, component: str | None = None, room: int = 0) -> str:
    """`message` and the command, whole: the message is cut where both together are too long for a condition.

    Args:
        message: what failed, and why.
        obj: see `log_command`.
        component: see `log_command`.
        room: characters that are left for what goes before the message.
    """
    command = f"; logs: {log_command(obj, component=component)}"
    return clean(message, MAX_MESSAGE - room - len(command)) + command
