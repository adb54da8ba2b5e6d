# SPDX-License-Identifier: Apache-2.0
"""Writes a minimal kind and registers it: `python -m mlops_operator.codegen.scaffold Dataset`.

The kind has a spec with one field and only becomes `Ready`. It is complete: `make generate` makes its CRD, rights and
reference page, and the tests then name what else they expect of it.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from mlops_operator.codegen.generated import ROOT

API: Final = Template('''\
"""$kind: TODO what it declares."""

from enum import StrEnum

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase
from mlops_operator.api.kind import Kind
from mlops_operator.api.schema import SpecModel, Text


class ${kind}Reason(StrEnum):
    """Reasons of the conditions of a $kind."""

    ACCEPTED = "Accepted"
    """`Accepted` is set when the spec is valid."""
    INVALID_SPEC = reasons.INVALID_SPEC


class ${kind}Spec(SpecModel):
    """Desired state of a $kind."""

    description: Text = ""
    """Free text for users."""


$constant = Kind(
    kind="$kind",
    plural="$plural",
    short_names=("$short",),
    spec=${kind}Spec,
    status=StatusBase,
    reasons=${kind}Reason,
    description="TODO what a $kind declares.",
)
''')

CONTROLLER: Final = Template('''\
"""The $kind controller."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mlops_operator.api.$module import $constant, ${kind}Reason, ${kind}Spec
from mlops_operator.api.common import StatusBase
from mlops_operator.api.conditions import ready
from mlops_operator.api.meta import Manifest
from mlops_operator.framework.controller import KindController
from mlops_operator.framework.finding import Decision, Finding
from mlops_operator.framework.specs import parse_spec
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import Read


class ${kind}Controller(KindController[StatusBase, ${kind}Spec]):
    """Reconciles each $kind."""

    kind = $constant
    status = StatusBase
    action = "Accept"

    def observe(
        self,
        obj: Manifest,
        world: World,  # noqa: ARG002
        reads: Mapping[Read, Sequence[Manifest]],  # noqa: ARG002
    ) -> ${kind}Spec:
        """What the decision needs: the spec."""
        return parse_spec(${kind}Spec, obj)

    def decide(self, observed: ${kind}Spec, now: datetime) -> Decision:  # noqa: ARG002
        """A valid spec is accepted."""
        return Decision(finding=Finding.of("Ready", ready(${kind}Reason.ACCEPTED)))
''')

CASES: Final = Template("""\
kind: $kind
valid:
- {}
- description: An example.
refused: []
""")

HEALTH: Final = Template("""\
    "$kind": (
        State(("Accepted",), CURRENT, "The spec is valid."),
        State(("InvalidSpec",), FAILED, "The user has to change the spec."),
    ),
""")

STATES: Final = "operator/mlops_operator/codegen/docs/health.py"
REGISTRY: Final = "operator/mlops_operator/api/registry.py"
CONTRACTS: Final = "pyproject.toml"


@dataclass(frozen=True)
class Names:
    """The names of a new kind.

    Attributes:
        kind: CamelCase, e.g. `DataSource`.
        plural: of the API resource, e.g. `datasources`.
    """

    kind: str
    plural: str

    @property
    def module(self) -> str:
        """The module and the package, e.g. `datasource`."""
        return self.kind.lower()

    @property
    def constant(self) -> str:
        """The kind's constant, e.g. `DATA_SOURCE`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.kind).upper()

    @property
    def short(self) -> str:
        """A short name for kubectl: the letters that begin its words, or the first three letters of a single word."""
        initials = "".join(letter for letter in self.kind if letter.isupper()).lower()
        return initials if len(initials) > 1 else self.module[:3]

    def fill(self, template: Template) -> str:
        """`template` with the names filled in."""
        names = {name: getattr(self, name) for name in ("kind", "plural", "module", "constant", "short")}
        text = template.substitute(names)
        block = "".join(re.findall(r"^from mlops_operator.*\n", text, flags=re.MULTILINE))
        return text.replace(block, _sorted(block.splitlines(keepends=True)))


def _sorted(imports: list[str]) -> str:
    """Import lines in the order of their modules."""
    return "".join(sorted(imports, key=lambda line: line.split()[1]))


def new_files(names: Names) -> dict[str, str]:
    """The files of a new kind, by path relative to the checkout."""
    package = f"operator/mlops_operator/controllers/{names.module}"
    return {
        f"operator/mlops_operator/api/{names.module}.py": names.fill(API),
        f"{package}/__init__.py": f'"""The {names.kind} controller."""\n',
        f"{package}/controller.py": names.fill(CONTROLLER),
        f"tests/integration/crd_cases/{names.plural}.yaml": names.fill(CASES),
    }


def registered(names: Names, registry: str, contracts: str) -> tuple[str, str]:
    """The registry of kinds and the import contracts with the new kind in them.

    Raises:
        ValueError: the kind is registered already.
    """
    if re.search(rf"\b{names.constant}\b", registry):
        raise ValueError(f"{names.kind} is in {REGISTRY} already: choose another name")
    imports = re.findall(r"^from mlops_operator\.api\..*\n", registry, flags=re.MULTILINE)
    line = f"from mlops_operator.api.{names.module} import {names.constant}\n"
    registry = registry.replace("".join(imports), _sorted([*imports, line]))
    registry = re.sub(r"\n\)\n", f"\n    {names.constant},\n)\n", registry)
    last = '    "mlops_operator.controllers.trainingjob",\n'
    return registry, contracts.replace(last, f'{last}    "mlops_operator.controllers.{names.module}",\n')


def scaffold(names: Names, root: Path) -> list[str]:
    """Write the kind's files below `root` and register it; returns the paths of what was written.

    Raises:
        ValueError: the name is taken, or a file exists.
    """
    files = new_files(names)
    if taken := [name for name in files if (root / name).exists()]:
        raise ValueError(f"{', '.join(taken)}: expected no such file; choose another name, or remove it")
    registry, contracts = registered(names, (root / REGISTRY).read_text(), (root / CONTRACTS).read_text())
    before, states, after = (root / STATES).read_text().partition("\nSTATES: ")
    states += after.replace("\n}\n", f"\n{names.fill(HEALTH)}}}\n", 1)
    files |= {REGISTRY: registry, CONTRACTS: contracts, STATES: before + states}
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return list(files)


def main(arguments: list[str]) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Write a minimal kind and register it.")
    parser.add_argument("kind", help="CamelCase name, e.g. Dataset")
    parser.add_argument("--plural", help="plural of the API resource; the lower-case name and an s by default")
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"([A-Z][a-z0-9]+)+", options.kind):
        parser.error(f"kind: expected a CamelCase name such as Dataset, found {options.kind!r}")
    names = Names(options.kind, options.plural or f"{options.kind.lower()}s")
    try:
        written = scaffold(names, ROOT)
    except ValueError as error:
        parser.error(str(error))
    print("\n".join((*written, "", "Next: describe the kind in its API module, and run `make generate`.")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
