# SPDX-License-Identifier: Apache-2.0
"""The commands of a Markdown page's console blocks, as a reader types them."""

import re
from collections.abc import Iterator

PROMPT = "$ "

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HERE = re.compile(r"<<(\w+)$")


def commands(markdown: str) -> list[str]:
    """What follows each prompt, with the lines of a here-document; output is left out."""
    return [command for block in _BLOCK.findall(markdown) for command in _typed(block)]


def _typed(block: str) -> Iterator[str]:
    lines = iter(block.splitlines())
    for line in lines:
        if not line.startswith(PROMPT):
            continue
        command = line.removeprefix(PROMPT)
        if end := _HERE.search(command):
            for more in lines:
                command += f"\n{more}"
                if more == end[1]:
                    break
        yield command
