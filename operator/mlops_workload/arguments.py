# SPDX-License-Identifier: Apache-2.0
"""The command line of a training script outside a cluster: `--param name=value` and `--data name=path`."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from mlops_workload.errors import ConfigurationInvalidError


class Arguments(NamedTuple):
    """What the command line gave."""

    parameters: dict[str, Any]
    data: dict[str, str]


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Take `--param` and `--data` out of `argv`; other arguments are the script's own.

    A parameter's value is read as JSON where it is JSON (`0.01`, `true`, `[1, 2]`), otherwise as text.

    Raises:
        ConfigurationInvalidError: one without a `=`.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--param", action="append", default=[])
    parser.add_argument("--data", action="append", default=[])
    known, _ = parser.parse_known_args(list(argv))
    parameters = {name: _value(text) for name, text in (_pair("--param", entry) for entry in known.param)}
    return Arguments(parameters=parameters, data=dict(_pair("--data", entry) for entry in known.data))


def _pair(option: str, entry: str) -> tuple[str, str]:
    name, separator, value = entry.partition("=")
    if not separator or not name:
        raise ConfigurationInvalidError(f"{option}: expected name=value, found {entry!r}")
    return name, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
