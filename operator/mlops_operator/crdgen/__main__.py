"""Writes `crds/`, or checks it with `--check`."""

import sys
from typing import Final

from mlops_operator.api.kinds import KINDS
from mlops_operator.crdgen.definition import custom_resource_definition
from mlops_operator.crdgen.generated import Generator, run, to_yaml

COMMAND: Final = "python -m mlops_operator.crdgen"

HEADER: Final = f"# Generated from operator/mlops_operator/api by `{COMMAND}`. Do not edit.\n"


def generator() -> Generator:
    """One file a kind, named by its plural."""
    return Generator(
        command=COMMAND,
        files={f"crds/{kind.plural}.yaml": HEADER + to_yaml(custom_resource_definition(kind)) for kind in KINDS},
        owned=("crds/*.yaml",),
    )


if __name__ == "__main__":
    sys.exit(run(generator(), "Generate the CustomResourceDefinitions from the kinds' models."))
