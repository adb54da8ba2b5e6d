# SPDX-License-Identifier: Apache-2.0
"""The import contracts in pyproject.toml cover every kind and every module of the engine."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from mlops_operator.api.registry import KINDS

ROOT = Path(__file__).resolve().parents[3]
ENGINE = ROOT / "operator" / "mlops_operator" / "runtime"
CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]


def contract(name: str) -> dict[str, Any]:
    """The contract of that name."""
    (found,) = [entry for entry in CONTRACTS if entry["name"] == name]
    return found


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("kinds do not import each other", "modules"),
        ("only metrics of objects use the metrics library above the engine", "source_modules"),
    ],
)
def test_every_kind_is_in_the_contract(name: str, field: str) -> None:
    kinds = {f"mlops_operator.controllers.{kind.singular}" for kind in KINDS}
    assert kinds <= set(contract(name)[field]), f"pyproject.toml, contract {name!r}: add the new kind's package"


def test_every_module_of_the_engine_has_a_layer() -> None:
    layers = {name for layer in contract("layers of the engine")["layers"] for name in layer.split(" | ")}
    modules = {path.stem for path in ENGINE.iterdir() if path.name != "__pycache__"} - {"__init__"}
    assert layers == modules, "pyproject.toml, contract 'layers of the engine': name each module or package once"


def test_every_module_beside_the_adapter_is_kept_from_kopf() -> None:
    modules = {f"mlops_operator.runtime.{path.stem}" for path in ENGINE.iterdir() if path.name != "__pycache__"}
    free = {"mlops_operator.runtime.__init__", "mlops_operator.runtime.kopf"}
    assert modules - free <= set(contract("only its adapter imports kopf")["source_modules"])
