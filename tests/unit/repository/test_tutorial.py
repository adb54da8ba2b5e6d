# SPDX-License-Identifier: Apache-2.0
"""The tutorial can be typed as it stands: nothing is filled in by hand, nothing blocks, and waits are in it."""

import re
from itertools import pairwise

from mlops_operator.codegen.generated import ROOT
from tests.harness.console import commands

TUTORIAL = (ROOT / "docs/getting-started/tutorial.md").read_text()
TYPED = commands(TUTORIAL)

WATCHES = re.compile(r"\s(-w|--watch|-f|--follow)(\s|$)")


def test_commands_are_found_with_their_here_documents_and_without_output() -> None:
    page = "text\n```console\n$ a\nits output\n$ b - <<EOF\nx: 1\nEOF\n$ c\n```\n```yaml\n$ d\n```\n"
    assert commands(page) == ["a", "b - <<EOF\nx: 1\nEOF", "c"]


def test_nothing_is_left_for_the_reader_to_fill_in() -> None:
    assert not [command for command in TYPED if re.search(r"<[a-z ]+>|\.\.\.", command)]


def test_no_command_goes_on_for_ever() -> None:
    viewing = [command for command in TYPED if re.match(r"kubectl (get|logs|describe)", command)]
    assert viewing
    assert not [command for command in viewing if WATCHES.search(command)]


def test_what_is_started_is_waited_for() -> None:
    """After each command that makes or changes something the next one waits, or starts something else."""
    starting = re.compile(r"kubectl (apply|create|patch|exec)")
    allowed = re.compile(r"kubectl (apply|create|patch|exec|wait)|until kubectl wait|BROKEN=")
    for command, following in pairwise(TYPED):
        assert not starting.match(command) or allowed.match(following), (command, following)


def test_every_wait_ends() -> None:
    waits = [command for command in TYPED if "kubectl wait" in command]
    assert len(waits) >= 10
    assert all("--timeout=" in command for command in waits)
