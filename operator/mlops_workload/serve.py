# SPDX-License-Identifier: Apache-2.0
"""Serve one model over the Open Inference Protocol (V2 REST).

`python -m mlops_workload.serve --model-name digits --model-version digits-1a2b --model-dir
/mnt/model --format sklearn --port 8080`. The model is ready when
`/v2/models/<name>/ready` answers 200; a running server alone is not ready. A model that cannot
be loaded ends the process with exit code 1 and `ModelLoadFailed: ...` on stderr and in the
termination message, before any port is opened. SIGTERM: requests in flight are finished, then
the exit code is 0.

Threads of numeric libraries follow `OMP_NUM_THREADS`. What one request may cost is bounded by three variables of
`mlops_workload.runtimes.request_limits`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlops_workload.errors import ConfigurationInvalidError, ModelLoadFailedError, WorkloadError
from mlops_workload.formats import load_model
from mlops_workload.runtimes.request_limits import Limits
from mlops_workload.termination import write_message

EXIT_NOT_LOADED: Final = 1
DEFAULT_PORT: Final = 8080


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    arguments = _parse(argv)
    try:
        limits = Limits.from_environment(os.environ)
    except ConfigurationInvalidError as error:
        line = f"{error.reason}: {error.message}"
        print(line, file=sys.stderr)
        write_message(line)
        return error.exit_code
    try:
        predictor = load_model(arguments.model_dir, format=arguments.format)
    except WorkloadError as error:
        line = f"{ModelLoadFailedError.reason}: {error.message}"
        print(line, file=sys.stderr)
        write_message(line)
        return EXIT_NOT_LOADED
    # kserve parses sys.argv while it is imported and would take our options for its own.
    sys.argv = sys.argv[:1]
    # Imported only now: a model that does not load is reported a second sooner.
    from mlops_workload.runtimes.kserve_model import PredictorModel
    from mlops_workload.runtimes.kserve_server import serve_forever

    model = PredictorModel(predictor, name=arguments.model_name, version=arguments.model_version)
    serve_forever(model, port=arguments.port, limits=limits)
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mlops_workload.serve", description=__doc__, allow_abbrev=False)
    parser.add_argument("--model-name", required=True, help="name in the URL")
    parser.add_argument("--model-version", required=True, help="reported as model_version in every response")
    parser.add_argument("--model-dir", required=True, type=Path, help="folder with the fetched artifact")
    parser.add_argument("--format", required=True, help="format of the artifact")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
