# SPDX-License-Identifier: Apache-2.0
"""The SDK for training code: what a run is given, and what it reports.

    from mlops_workload import run

    with run() as r:
        rows = np.load(r.data("train"))
        model = SVC(gamma=r.param("gamma", 0.001)).fit(rows["X"], rows["y"])
        r.log(accuracy=model.score(rows["X_test"], rows["y_test"]))
        r.save_model(model)

Leaving the block writes the result; leaving it by an exception writes none. The same script
runs on a laptop: give data as `--data train=file.npz`, parameters as `--param gamma=0.01`, or
both in the call; the output goes to `./mlops-output/<run id>`.
"""

from __future__ import annotations

import math
import numbers
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Final, SupportsFloat, SupportsIndex, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import ArrayLike

from mlops_contract import MAX_ARTIFACTS, Artifact, DataDigest, Result, ResultInvalidError
from mlops_contract.artifacts import (
    ENVIRONMENT,
    ENVIRONMENT_FORMAT,
    GOLDEN_FORMAT,
    GOLDEN_NAME,
    ROWS_FORMAT,
    ROWS_NAME,
)
from mlops_contract.document import DocumentInvalidError
from mlops_contract.requests.run import DataInput
from mlops_workload.arguments import parse_arguments
from mlops_workload.context import RunContext
from mlops_workload.errors import (
    ConfigurationInvalidError,
    MetricInvalidError,
    RunFinishedError,
    WorkloadError,
)
from mlops_workload.formats import format_named
from mlops_workload.golden_requests import golden_document
from mlops_workload.inputs import Inputs
from mlops_workload.linger import linger_when_told_to_stop
from mlops_workload.outputs import Outputs
from mlops_workload.python_environment import write_environment
from mlops_workload.row_hashes import write_rows
from mlops_workload.summary import print_summary
from mlops_workload.termination import write_message

Default = TypeVar("Default")

LOCAL_OUTPUT: Final = "mlops-output"
LOCAL_RESULT: Final = "result.json"
HELD_OUT: Final = "held_out"
"""Count of the rows that were removed from the run's inputs."""


class Run:
    """One run. Use it as a context manager, or call `finish()` yourself.

    Where several replicas run together, all may call everything, and replica 0 alone writes
    artifacts and the result.

    Attributes:
        parameters: The run's parameters, with their types.
        seed: Seed to use for everything random; 0 if none was asked for.
        attempt: Number of this attempt, from 0.
        replicas: How many replicas run together.
        replica_index: Which of them this is, from 0.
        output: Where this attempt's artifacts go; None in a cluster where it is to keep none.
    """

    def __init__(self, context: RunContext, *, run_id: str, scratch: Path, environ: Mapping[str, str]) -> None:
        self.parameters: Mapping[str, Any] = dict(context.parameters)
        self.seed = context.seed
        self.attempt = context.attempt
        self.replicas = context.replicas
        self.replica_index = context.replica_index
        local = str(Path.cwd() / LOCAL_OUTPUT / run_id) if context.uid is None else None
        self.output = context.output_uri or local
        self._uid = context.uid
        self._run_id = run_id
        self._environ = environ
        self._scratch = scratch
        # Also for runs that are not closed: at the latest when the process ends.
        self._cleanup = weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
        self._holdout = context.holdout
        self._inputs = Inputs(
            context.data,
            holdout=context.holdout,
            hashed=self.output is not None,
            scratch=scratch,
            environ=environ,
        )
        self._outputs = Outputs(self.output, scratch=scratch, environ=environ)
        self._metrics: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._finished = False

    def param(self, name: str, default: Default) -> Any | Default:
        """The parameter `name`, or `default`. An integer is taken for a float default.

        Raises:
            ConfigurationInvalidError: it is not of the default's type.
        """
        if name not in self.parameters:
            return default
        value = self.parameters[name]
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if default is not None and type(value) is not type(default):
            raise ConfigurationInvalidError(
                f"parameter {name}: expected {type(default).__name__}, found {type(value).__name__} {value!r}"
            )
        return value

    def has_data(self, name: str) -> bool:
        """Whether a data input of that name was given: some inputs are optional."""
        return name in self._inputs

    def data(self, name: str, *, snapshot: bool = False) -> Path:
        """Path of the file or folder of the data input `name`, its digest verified and recorded.

        Rows that the Model's gate holds out are not in it: tables with a column `group` or `id` are copied
        without them. The hashes of the other rows become the artifact `training-rows`, by which the gate
        checks that it does not judge by rows of the training. Both are in `mlops_workload.training_rows`.

        Data with a digest are copied to this machine, and the copy is verified: that is what the path leads
        to. Local data without one are read in place, and a change between here and `finish()` is an error
        there; `snapshot` copies them first, for a folder that others still write to.

        Raises:
            ConfigurationInvalidError: no such input; the known ones are named.
            DataNotFoundError: there is nothing at its URI.
            DataCorruptError: it does not match its digest.
            DataInvalidError: rows are held out, and a table cannot be read.
            DataChangedError: it changed while it was read.
        """
        return self._inputs.path(name, snapshot=snapshot)

    def log(self, **metrics: SupportsFloat) -> None:
        """Report metrics; a later value replaces an earlier one.

        Raises:
            MetricInvalidError: one is no finite number.
        """
        self._require_open()
        for name, value in metrics.items():
            if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
                raise MetricInvalidError(f"metric {name}: expected a finite number, found {value!r}")
            self._metrics[name] = float(value)

    def log_count(self, **counts: SupportsIndex) -> None:
        """Report counts: whole numbers, not negative.

        Raises:
            MetricInvalidError: one is something else.
        """
        self._require_open()
        for name, value in counts.items():
            if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 0:
                raise MetricInvalidError(f"count {name}: expected a whole number of at least 0, found {value!r}")
            self._counts[name] = int(value)

    def save_model(self, model: Any, *, format: str = "sklearn", name: str = "model") -> None:
        """Save a model as an artifact: an object of that format, or the path of a file or folder with one.

        Raises:
            ConfigurationInvalidError: an unknown format.
        """
        if isinstance(model, (str, Path)):
            self.save_artifact(Path(model), name=name, format=format)
            return
        known = format_named(format)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            path = Path(folder, f"{name}{known.suffix}")
            known.save(model, path)
            self.save_artifact(path, name=name, format=format)

    def save_artifact(self, path: Path | str, *, name: str, format: str = "") -> None:
        """Copy a file or folder to the run's output and report it. A file keeps its ending.

        Raises:
            ArtifactNotFoundError: there is nothing at `path`.
            ConfigurationInvalidError: there already is an artifact of that name, or the TrainingJob keeps none.
        """
        self._require_open()
        if self.replica_index == 0:
            self._outputs.save(Path(path), name=name, format=format)

    def golden(self, inputs: ArrayLike, outputs: ArrayLike) -> None:
        """Record golden requests: the served model must answer each row of `inputs` with that of `outputs`.

        Raises:
            DataInvalidError: they do not have the same number of rows, or have none.
        """
        document = golden_document(np.asarray(inputs), np.asarray(outputs))
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            path = Path(folder, f"{GOLDEN_NAME}.json")
            path.write_text(document.to_json(), encoding="utf-8")
            self.save_artifact(path, name=GOLDEN_NAME, format=GOLDEN_FORMAT)

    def finish(self) -> None:
        """Write the result, once. Leaving the `with` block does it.

        A run that saved artifacts lists its Python packages beside them, in the artifact `environment`.

        In a cluster, SIGTERM takes effect 3 seconds later from then on, so that the operator can read the result of a
        pod that is evicted. Handlers that the program has set until then are kept.

        Raises:
            RunFinishedError: it was done before.
            DataChangedError: data changed while they were used.
            MetricInvalidError: the result is larger than the operator takes, or breaks its form.
        """
        self._require_open()
        self._inputs.require_unchanged()
        self._save_row_hashes()
        self._save_environment()
        result = self._whole_result()
        self._finished = True
        if self._uid is not None:
            # Of the other replicas only that they have finished, and when, is of interest.
            reported = result if self.replica_index == 0 else Result(uid=self._uid, time=result.time)
            if write_message(reported.to_message(), environ=self._environ):
                linger_when_told_to_stop()
            return
        if self.replica_index != 0:
            return
        assert self.output is not None, "outside a cluster there is always an output"
        Path(self.output).mkdir(parents=True, exist_ok=True)
        Path(self.output, LOCAL_RESULT).write_text(result.to_message() + "\n", encoding="utf-8")
        print_summary(result, output=self.output)

    def close(self) -> None:
        """Remove what was copied to this machine for the run."""
        self._cleanup()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                if not self._finished:
                    self.finish()
            elif isinstance(error, Exception):
                self._report_failure(error)
        except WorkloadError as failure:
            self._report_failure(failure)
            raise
        finally:
            self.close()

    def _save_row_hashes(self) -> None:
        """Save the hashes of the rows that the run was given, unless it keeps no artifacts or saved its own."""
        prepared = self._inputs.prepared
        if self._holdout is not None and prepared:
            self._counts.setdefault(HELD_OUT, sum(entry.held_out for entry in prepared))
        hashes = [part for entry in prepared for part in entry.hashes]
        saved = self._outputs.artifacts
        if not hashes or not saved or ROWS_NAME in {artifact.name for artifact in saved}:
            return
        if len(saved) >= MAX_ARTIFACTS:
            print(f"row hashes are not saved: the run has {MAX_ARTIFACTS} artifacts already, and no more fit")
            return
        path = self._scratch / f"{ROWS_NAME}.bin"
        write_rows(path, hashes, unhashed=sum(entry.unhashed for entry in prepared))
        self.save_artifact(path, name=ROWS_NAME, format=ROWS_FORMAT)

    def _save_environment(self) -> None:
        """Save the list of the run's packages, unless it keeps no artifacts or saved one of that name."""
        saved = self._outputs.artifacts
        if not saved or ENVIRONMENT in {artifact.name for artifact in saved}:
            return
        if len(saved) >= MAX_ARTIFACTS:
            print(f"package versions are not saved: the run has {MAX_ARTIFACTS} artifacts already, and no more fit")
            return
        path = self._scratch / f"{ENVIRONMENT}.json"
        write_environment(path)
        self.save_artifact(path, name=ENVIRONMENT, format=ENVIRONMENT_FORMAT)

    def _whole_result(self) -> Result:
        """The result; without the list of packages where it would be too large with it."""
        artifacts = self._outputs.artifacts
        try:
            return self._result(artifacts, self._inputs.digests)
        except MetricInvalidError:
            others = [artifact for artifact in artifacts if artifact.format != ENVIRONMENT_FORMAT]
            if len(others) == len(artifacts):
                raise
            result = self._result(others, self._inputs.digests)
            print("package versions are saved and not reported: the result has no room for them")
            return result

    def _result(self, artifacts: Sequence[Artifact], data: Sequence[DataDigest]) -> Result:
        try:
            result = Result(
                uid=self._uid or self._run_id,
                metrics=self._metrics,
                counts=self._counts,
                artifacts=tuple(artifacts),
                data=tuple(data),
                time=f"{datetime.now(tz=timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            )
            result.to_message()
        except (DocumentInvalidError, ResultInvalidError) as error:
            raise MetricInvalidError(str(error)) from error
        return result

    def _report_failure(self, error: Exception) -> None:
        if self._uid is None or self._finished:
            return
        failure = error if isinstance(error, WorkloadError) else WorkloadError(f"{type(error).__name__}: {error}")
        write_message(failure.to_line(), environ=self._environ)

    def _require_open(self) -> None:
        if self._finished:
            raise RunFinishedError("the result of this run is written already: report before finish()")


def run(
    *,
    parameters: Mapping[str, Any] | None = None,
    data: Mapping[str, str | Path] | None = None,
    argv: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Run:
    """Begin a run.

    `parameters` and `data` are defaults. In a cluster the environment goes before them; outside
    of one the command line (`argv`, by default the script's own) does.

    Raises:
        ConfigurationInvalidError: environment or command line are malformed.
    """
    environ = os.environ if environ is None else environ
    context = RunContext.from_environment(environ)
    given_parameters = dict(parameters or {})
    given_data = {name: str(uri) for name, uri in (data or {}).items()}
    if context.uid is None:
        arguments = parse_arguments(sys.argv[1:] if argv is None else argv)
        given_parameters |= arguments.parameters
        given_data |= arguments.data
    named = {source.name for source in context.data}
    try:
        extra = tuple(DataInput(name=name, uri=uri) for name, uri in given_data.items() if name not in named)
    except DocumentInvalidError as error:
        raise ConfigurationInvalidError(str(error)) from error
    context = replace(context, parameters={**given_parameters, **context.parameters}, data=context.data + extra)
    run_id = context.uid or f"{datetime.now(tz=timezone.utc):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"
    return Run(context, run_id=run_id, scratch=Path(tempfile.mkdtemp(prefix="mlops-run-")), environ=environ)
