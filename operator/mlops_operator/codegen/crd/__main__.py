# SPDX-License-Identifier: Apache-2.0
"""Writes `crds/` and the chart of the CRDs with their policies, or checks them with `--check`."""

import sys
from typing import Final

from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.crd.chart import chart_template
from mlops_operator.codegen.crd.definition import custom_resource_definition
from mlops_operator.codegen.crd.policies import policies_template
from mlops_operator.codegen.generated import Generator, run, to_yaml

COMMAND: Final = "python -m mlops_operator.codegen.crd"

APPLIED: Final = "crds"
TEMPLATES: Final = "helm/mlops-operator-crds/templates/crds"
POLICIES: Final = "helm/mlops-operator-crds/templates/policies.yaml"

HEADER: Final = f"# Generated from operator/mlops_operator/api by `{COMMAND}`. Do not edit.\n"


def generator() -> Generator:
    """Two files a kind, named by its plural: one to apply, one for the chart; and the chart's admission policies."""
    definitions = {f"{kind.plural}.yaml": custom_resource_definition(kind) for kind in KINDS}
    return Generator(
        command=COMMAND,
        files={
            **{f"{APPLIED}/{name}": HEADER + to_yaml(definition) for name, definition in definitions.items()},
            **{f"{TEMPLATES}/{name}": HEADER + chart_template(definition) for name, definition in definitions.items()},
            POLICIES: HEADER + policies_template(),
        },
        owned=(f"{APPLIED}/*.yaml", f"{TEMPLATES}/*.yaml", POLICIES),
    )


if __name__ == "__main__":
    sys.exit(run(generator(), "Generate the CustomResourceDefinitions from the kinds' models."))
