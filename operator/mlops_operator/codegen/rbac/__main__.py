# SPDX-License-Identifier: Apache-2.0
"""Writes the charts' rules, or checks them with `--check`."""

import sys
from typing import Any, Final

from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.generated import Generator, run, to_yaml
from mlops_operator.codegen.rbac.policy import (
    cluster_rules,
    editor_rules,
    leader_rules,
    operator_rules,
    viewer_rules,
    written_resources,
)
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings

COMMAND: Final = "python -m mlops_operator.codegen.rbac"

SOURCE: Final = "Generated from the controllers' declarations by `{command}`. Do not edit."

LEASE: Final = '{{ include "mlops-operator.fullname" . }}'
"""The lease has the release's name, so that two releases in one namespace do not share it."""


def _template(name: str, rules: list[dict[str, Any]]) -> str:
    return f'{{{{- define "{name}" -}}}}\n{to_yaml(rules)}{{{{- end }}}}\n'


def generator() -> Generator:
    """Named templates: the operator's rules for its chart, the users' rules for the chart of the CRDs."""
    header = f"{{{{- /* {SOURCE.format(command=COMMAND)} */ -}}}}\n"
    return Generator(
        command=COMMAND,
        files={
            "helm/mlops-operator/templates/_rules.tpl": header
            + _template("mlops-operator.rules", operator_rules(all_controllers(Settings())))
            + _template("mlops-operator.written", written_resources(all_controllers(Settings())))
            + _template("mlops-operator.clusterRules", cluster_rules())
            + _template("mlops-operator.leaderRules", leader_rules(LEASE)),
            "helm/mlops-operator-crds/templates/_rules.tpl": header
            + _template("mlops-operator-crds.viewerRules", viewer_rules(KINDS))
            + _template("mlops-operator-crds.editorRules", editor_rules(KINDS)),
        },
        owned=(),
    )


if __name__ == "__main__":
    sys.exit(run(generator(), "Generate the operator's RBAC rules."))
