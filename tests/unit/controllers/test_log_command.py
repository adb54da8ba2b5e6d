# SPDX-License-Identifier: Apache-2.0
"""The command that prints the logs of what failed: whole, and with a selector that matches the pods' labels."""

import pytest

from mlops_operator.api.conditions import MAX_MESSAGE
from mlops_operator.controllers.shared.log_command import log_command, with_log_command
from mlops_operator.controllers.shared.naming import child_labels


def an_object(name: str = "churn-1") -> dict[str, object]:
    return {"kind": "TrainingJob", "metadata": {"name": name, "namespace": "team-a", "uid": "u"}}


def test_the_command_names_the_namespace_and_selects_by_the_object() -> None:
    assert log_command(an_object()) == (
        "kubectl logs -n team-a -l mlops-operator.io/trainingjob=churn-1 --all-containers --tail=-1"
    )


@pytest.mark.parametrize("name", ["churn-1", "a" * 253, "a.b" + 80 * "-c"])
def test_the_selector_matches_the_labels_of_the_pods(name: str) -> None:
    words = log_command(an_object(name), component="golden").split()
    wanted = dict(pair.split("=") for pair in words[words.index("-l") + 1].split(","))
    assert wanted.items() <= child_labels(an_object(name), component="golden").items()


def test_a_long_message_is_cut_and_the_command_is_not() -> None:
    message = with_log_command("x" * 2000, an_object())
    assert len(message) == MAX_MESSAGE
    assert message.endswith(f"xx; logs: {log_command(an_object())}")
    assert len(with_log_command("x" * 2000, an_object(), room=100)) == MAX_MESSAGE - 100
