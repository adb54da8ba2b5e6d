"""Rules of admission that a schema cannot state, as ValidatingAdmissionPolicies of the CRDs' chart.

CEL rules of a CustomResourceDefinition do not see values without a type, such as parameters. A policy does.
"""

from collections.abc import Mapping
from typing import Final

from mlops_operator.api.meta import GROUP, VERSION, Manifest
from mlops_operator.api.trainingjob import MAX_PARAMETERS_KIB
from mlops_operator.crdgen.generated import to_yaml

NAME: Final = "mlops-operator-parameters"
LABELS: Final = {"app.kubernetes.io/part-of": "mlops-operator"}

FIELDS: Final[Mapping[str, str]] = {
    "TrainingJob": "spec.parameters",
    "RetrainPolicy": "spec.training.spec.parameters",
}
"""Where a kind has parameters."""


def parameters_policy() -> tuple[Manifest, Manifest]:
    """The policy that bounds the size of all parameters together, and its binding.

    The size is that of the formatted value, which is JSON with a blank after each comma. Where it cannot be told the
    object is admitted: the controller checks again before it creates a pod.
    """
    policy: Manifest = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME, "labels": LABELS},
        "spec": {
            "failurePolicy": "Ignore",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": [VERSION],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["trainingjobs", "retrainpolicies"],
                        "scope": "*",  # the default: left out of a list, it is a change at every kubectl apply
                    }
                ]
            },
            # Objects that are older than the policy can still be labeled, finalized and deleted.
            "matchConditions": [
                {"name": "spec-changed", "expression": "oldObject == null || object.spec != oldObject.spec"}
            ],
            "variables": [
                {"name": "parameters", "expression": _parameters()},
                {"name": "bytes", "expression": "bytes('%s'.format([variables.parameters])).size()"},
                {"name": "field", "expression": _field()},
            ],
            "validations": [
                {
                    "expression": f"variables.bytes <= {MAX_PARAMETERS_KIB * 1024}",
                    "messageExpression": (
                        f"variables.field + ': expected at most {MAX_PARAMETERS_KIB} KiB as JSON, found ' +"
                        " string((variables.bytes + 1023) / 1024) +"
                        " ' KiB; put large values into a file, and name it in data'"
                    ),
                    "reason": "Invalid",
                }
            ],
        },
    }
    binding: Manifest = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": NAME, "labels": LABELS},
        "spec": {"policyName": NAME, "validationActions": ["Deny"]},
    }
    return policy, binding


def _parameters() -> str:
    inside = {kind: path.removeprefix("spec.").replace(".", ".?") for kind, path in FIELDS.items()}
    own, of_policy = inside["TrainingJob"], inside["RetrainPolicy"]
    return f"object.kind == 'TrainingJob' ? object.spec.?{own}.orValue({{}}) : object.spec.?{of_policy}.orValue({{}})"


def _field() -> str:
    return f"object.kind == 'TrainingJob' ? '{FIELDS['TrainingJob']}' : '{FIELDS['RetrainPolicy']}'"


def policies_template() -> str:
    """The policies as a Helm template."""
    return "---\n".join(map(to_yaml, parameters_policy()))
