# SPDX-License-Identifier: Apache-2.0
"""The operator's own command line with some of its controllers: those that a campaign is about.

What its status says is then the campaign's word for every other kind, as in the kinds' own tests.
"""

import sys
from collections.abc import Sequence
from typing import Final

import mlops_operator.__main__ as command
from mlops_operator import controllers
from mlops_operator.api.registry import KINDS
from mlops_operator.controllers import controller_of
from mlops_operator.controllers.settings import Settings
from mlops_operator.runtime.work.controller import Controller

CHOSEN: Final = "--controllers="
"""Beginning of the argument with their class names, separated by commas."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    names = [name for entry in arguments if entry.startswith(CHOSEN) for name in entry.removeprefix(CHOSEN).split(",")]

    def chosen(settings: Settings) -> tuple[Controller, ...]:
        return tuple(controller_of(kind, settings) for kind in KINDS if f"{kind.kind}Controller" in names)

    vars(controllers)["all_controllers"] = chosen
    return command.main([entry for entry in arguments if not entry.startswith(CHOSEN)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
