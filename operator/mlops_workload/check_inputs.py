# SPDX-License-Identifier: Apache-2.0
"""Check the inputs of a run before it starts, and report what its ConfigMaps contain.

`python -m mlops_workload.check_inputs [NAME=URI ...] [--config-maps FOLDER]` ends with `DataNotFound` if nothing is at
one of the URIs, and with `DataInvalid` if one of them is reached through a link, which the kubelet would follow. The
digest of the ConfigMaps that are mounted below FOLDER goes to the termination message, in one line of JSON.

Exit codes: 0, or that of the error (`mlops_workload.errors`), which is also one line of JSON in the termination
message.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mlops_contract.messages import config_maps_message
from mlops_workload.config_maps import digest_config_maps
from mlops_workload.locations import check_locations
from mlops_workload.termination import run_command, write_message


def _command(arguments: argparse.Namespace) -> None:
    places = dict(place.split("=", 1) for place in arguments.places)
    check_locations(places, environ=os.environ)
    if arguments.config_maps is not None:
        digest = digest_config_maps(arguments.config_maps)
        write_message(config_maps_message(digest))
        print(f"the ConfigMaps are {digest}")


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="mlops_workload.check_inputs", description=__doc__)
    parser.add_argument("places", nargs="*", metavar="NAME=URI")
    parser.add_argument("--config-maps", type=Path, metavar="FOLDER", help="folder with a folder for each ConfigMap")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _command(arguments))


if __name__ == "__main__":
    sys.exit(main())
