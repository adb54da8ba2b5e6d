# SPDX-License-Identifier: Apache-2.0
"""The Python packages of a run, listed beside its artifacts."""

import json
import platform
from collections.abc import Mapping
from email import message_from_string
from importlib.metadata import distributions
from pathlib import Path
from typing import Any


def python_environment() -> Mapping[str, Any]:
    """The interpreter, the machine, and name and version of every installed distribution.

    Of a distribution that is installed twice the first one on `sys.path` is listed, which is the one that is imported.
    """
    packages: dict[str, str] = {}
    for distribution in distributions():
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")
        if not text:  # a damaged installation
            continue
        metadata = message_from_string(text)
        packages.setdefault(str(metadata["Name"]), str(metadata["Version"]))
    return {
        "v": 1,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": dict(sorted(packages.items())),
    }


def write_environment(path: Path) -> None:
    """Write the document to `path`."""
    path.write_text(json.dumps(python_environment(), indent=1) + "\n", encoding="utf-8")
