"""What a run is told through its environment."""

import os
from collections.abc import Mapping
from typing import Any, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mlops_contract import environment
from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.holdout import Holdout

Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")

DEFAULT_SEED: Final = 0
"""Where no seed was asked for, runs are still repeatable."""


class DataInput(BaseModel):
    """A data input by name; a digest pins its content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    uri: str
    digest: str | None = None


class RunContext(BaseModel):
    """The identity of a run and everything it was given.

    `uid` is None outside a cluster. `replica_index` counts from 0 and only replica 0 reports;
    `attempt` counts from 0; `output_uri` is None where the run may choose; `holdout` is None where no
    rows are held out.
    """

    model_config = ConfigDict(frozen=True)

    uid: str | None = None
    parameters: dict[str, Any] = {}
    data: tuple[DataInput, ...] = ()
    holdout: Holdout | None = None
    output_uri: str | None = None
    seed: int = DEFAULT_SEED
    attempt: int = 0
    replicas: int = 1
    replica_index: int = 0
    coordinator: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the `MLOPS_*` variables.

        Raises:
            ConfigurationInvalidError: one is set, but not as the contract says.
        """
        environ = os.environ if environ is None else environ
        return cls(
            uid=environ.get(environment.RUN_UID) or None,
            parameters=_read_json(environ, environment.PARAMETERS, TypeAdapter(dict[str, Any]), {}),
            data=_read_json(environ, environment.DATA, TypeAdapter(tuple[DataInput, ...]), ()),
            holdout=_read_json(environ, environment.HOLDOUT, TypeAdapter(Holdout | None), None),
            output_uri=environ.get(environment.OUTPUT_URI) or None,
            seed=_read_integer(environ, environment.SEED, DEFAULT_SEED),
            attempt=_read_integer(environ, environment.ATTEMPT, 0),
            replicas=_read_integer(environ, environment.REPLICAS, 1),
            replica_index=_read_integer(environ, environment.REPLICA_INDEX, 0),
            coordinator=environ.get(environment.COORDINATOR) or None,
        )


def read_configuration(name: str, model: type[Model], *, environ: Mapping[str, str] | None = None) -> Model:
    """The JSON document in the variable `name`, as `model`.

    Raises:
        ConfigurationInvalidError: it is absent, not JSON, or not of that form; the field is named.
    """
    environ = os.environ if environ is None else environ
    document = environ.get(name)
    if not document:
        raise ConfigurationInvalidError(f"expected a JSON document in the variable {name}, found none")
    try:
        return model.model_validate_json(document)
    except ValidationError as error:
        raise ConfigurationInvalidError(f"{name} is malformed at {first_problem(error)}") from error


def require_uid(environ: Mapping[str, str] | None = None) -> str:
    """The identity of this run, without which a result cannot be believed.

    Raises:
        ConfigurationInvalidError: the run has none.
    """
    uid = (os.environ if environ is None else environ).get(environment.RUN_UID)
    if not uid:
        raise ConfigurationInvalidError(f"expected the identity of the run in {environment.RUN_UID}, found none")
    return uid


def first_problem(error: ValidationError) -> str:
    """Field and message of the first thing that is wrong, in one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the document"
    return f"{where}: {first['msg']}"


def _read_json(environ: Mapping[str, str], name: str, adapter: TypeAdapter[Value], default: Value) -> Value:
    text = environ.get(name)
    if not text:
        return default
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise ConfigurationInvalidError(f"{name} is malformed at {first_problem(error)}") from error


def _read_integer(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    try:
        number = int(text)
    except ValueError as error:
        raise ConfigurationInvalidError(f"expected an integer in {name}, found {text!r}") from error
    if number < 0:
        raise ConfigurationInvalidError(f"expected a non-negative integer in {name}, found {number}")
    return number
