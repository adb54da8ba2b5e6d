# SPDX-License-Identifier: Apache-2.0
"""The parameters that a run gets through its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_contract import environment, limits
from mlops_contract.document import AnyDocument, DocumentInvalidError
from mlops_contract.requests.run import DataInput
from mlops_contract.text import clean, decode_json
from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.holdout import Holdout


@dataclass(frozen=True)
class RunContext:
    """The identity of a run and everything it was given.

    `uid` is None outside a cluster. `replica_index` counts from 0 and only replica 0 reports;
    `attempt` counts from 0; `output_uri` is None where the run may choose; `holdout` is None where no
    rows are held out.
    """

    uid: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[DataInput, ...] = ()
    holdout: Holdout | None = None
    output_uri: str | None = None
    seed: int = limits.SEED
    attempt: int = 0
    replicas: int = 1
    replica_index: int = 0
    coordinator: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> RunContext:
        """Read the `MLOPS_*` variables.

        Raises:
            ConfigurationInvalidError: one is set, but does not fit the contract.
        """
        environ = os.environ if environ is None else environ
        return cls(
            uid=environ.get(environment.RUN_UID) or None,
            parameters=_parameters(environ),
            data=_data(environ),
            holdout=_holdout(environ),
            output_uri=environ.get(environment.OUTPUT_URI) or None,
            seed=_read_integer(environ, environment.SEED, limits.SEED),
            attempt=_read_integer(environ, environment.ATTEMPT, 0),
            replicas=_read_integer(environ, environment.REPLICAS, 1),
            replica_index=_read_integer(environ, environment.REPLICA_INDEX, 0),
            coordinator=environ.get(environment.COORDINATOR) or None,
        )


def read_configuration(
    name: str, document: type[AnyDocument], *, environ: Mapping[str, str] | None = None
) -> AnyDocument:
    """The JSON document in the variable `name`.

    Raises:
        ConfigurationInvalidError: it is absent, not JSON, or not of that form; the field is named.
    """
    environ = os.environ if environ is None else environ
    text = environ.get(name)
    if not text:
        raise ConfigurationInvalidError(f"expected a JSON document in the variable {name}, found none")
    try:
        return document.read(text)
    except DocumentInvalidError as error:
        raise ConfigurationInvalidError(f"{name}: {error}") from error


def require_uid(environ: Mapping[str, str] | None = None) -> str:
    """The identity of this run, without which a result cannot be believed.

    Raises:
        ConfigurationInvalidError: the run has none.
    """
    uid = (os.environ if environ is None else environ).get(environment.RUN_UID)
    if not uid:
        raise ConfigurationInvalidError(f"expected the identity of the run in {environment.RUN_UID}, found none")
    return uid


def _parameters(environ: Mapping[str, str]) -> Mapping[str, Any]:
    found = _json(environ, environment.PARAMETERS)
    if found is not None and not isinstance(found, dict):
        raise ConfigurationInvalidError(f"expected a JSON object in {environment.PARAMETERS}, found something else")
    return found or {}


def _data(environ: Mapping[str, str]) -> tuple[DataInput, ...]:
    found = _json(environ, environment.DATA)
    if found is not None and not isinstance(found, list):
        raise ConfigurationInvalidError(f"expected a JSON list in {environment.DATA}, found something else")
    return tuple(_section(environment.DATA, DataInput, entry) for entry in found or ())


def _holdout(environ: Mapping[str, str]) -> Holdout | None:
    found = _json(environ, environment.HOLDOUT)
    return None if found is None else _section(environment.HOLDOUT, Holdout, found)


def _section(name: str, document: type[AnyDocument], value: Any) -> AnyDocument:
    try:
        return document.of(value)
    except DocumentInvalidError as error:
        raise ConfigurationInvalidError(f"{name}: {error}") from error


def _json(environ: Mapping[str, str], name: str) -> Any:
    """The value of the JSON in a variable; None where it is not set."""
    text = environ.get(name)
    if not text:
        return None
    try:
        return decode_json(text)
    except ValueError as error:
        raise ConfigurationInvalidError(f"{name}: it is not JSON: {clean(str(error))}") from error


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
