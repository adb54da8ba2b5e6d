# SPDX-License-Identifier: Apache-2.0
"""The systems that are measured: the operator, a common way of writing one, and a lower bound."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.naive.kind import OBJECTS
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import OWN, TRAINING_JOBS, Resource
from tests.harness.crds import FOLDER as OWN_CRDS

NAMESPACE: Final = "bench"
OPERATOR_NAMESPACE: Final = "mlops-system"
HOLD: Final = "hold"
"""Objects of this name, with a number, run until they are deleted; all others succeed."""


@dataclass(frozen=True, kw_only=True)
class System:
    """An operator in the harness.

    Attributes:
        name: on the command line and in the results.
        label: in tables.
        resource: the objects that are created.
        served: resources that its definitions make the API server serve.
        crds: folder of these definitions.
        agents: names by which the audit log knows its requests.
        arguments: of Python, with `{kubeconfig}` and `{port}` filled in.
        ready: path that is answered with 200 when it works.
        elects: whether it takes part in a leader election.
        spec: of each object.
    """

    name: str
    label: str
    resource: Resource
    served: Sequence[Resource]
    crds: Path
    agents: frozenset[str]
    arguments: Sequence[str]
    ready: str
    elects: bool
    spec: Mapping[str, object]

    def manifest(self, name: str) -> Manifest:
        """An object that is to be created."""
        return {**self.resource.manifest(name=name, namespace=NAMESPACE), "spec": dict(self.spec)}

    def command(self, kubeconfig: Path, port: int) -> list[str]:
        """Its command line."""
        values = {"kubeconfig": str(kubeconfig), "port": str(port)}
        return [sys.executable, *(argument.format_map(values) for argument in self.arguments)]


def phase(obj: Manifest) -> str:
    """The phase in the status of an object; empty if there is none."""
    return str((obj.get("status") or {}).get("phase") or "")


_SPEC: Final = {"image": "example.test/train:1", "command": ["python", "train.py", "--epochs=3", "--lr=0.1"]}
_NAIVE: Final = Path(__file__).resolve().parent / "naive"

MLOPS: Final = System(
    name="mlops",
    label="mlops-operator",
    resource=TRAINING_JOBS,
    served=OWN,
    crds=OWN_CRDS,
    agents=frozenset({"mlops-operator"}),
    arguments=(
        *("-m", "mlops_operator", "run", "--kubeconfig={kubeconfig}", "--metrics-bind-address=127.0.0.1:{port}"),
        f"--leader-elect-namespace={OPERATOR_NAMESPACE}",
    ),
    ready="/readyz",
    elects=True,
    spec={**_SPEC, "parameters": {"lr": 0.001, "epochs": 3}},
)

NAIVE: Final = System(
    name="naive",
    label="naive, a baseline: kopf, the tutorial's way",
    resource=OBJECTS,
    served=(OBJECTS,),
    crds=_NAIVE,
    # kopf's own requests, and those that the handlers make.
    agents=frozenset({"kopf", "naive-handlers"}),
    arguments=("-m", "bench.naive", "{kubeconfig}", "{port}"),
    ready="/healthz",
    elects=False,
    spec=_SPEC,
)

BARE: Final = replace(
    NAIVE,
    name="bare",
    label="bare, a lower bound: three requests for each object and nothing else",
    agents=frozenset({"bare"}),
    arguments=("-m", "bench.bare", "{kubeconfig}", "{port}"),
)

SYSTEMS: Final = {system.name: system for system in (MLOPS, NAIVE, BARE)}
