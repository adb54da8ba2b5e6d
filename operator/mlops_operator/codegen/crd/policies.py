# SPDX-License-Identifier: Apache-2.0
"""Rules of admission that a schema cannot state, as ValidatingAdmissionPolicies of the CRDs' chart.

CEL rules of a CustomResourceDefinition do not see values without a type, such as parameters, nor who makes a request. A
policy does.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from mlops_operator.api.meta import GROUP, VERSION, Manifest
from mlops_operator.api.trainingjob import MAX_PARAMETERS_KIB
from mlops_operator.codegen.crd.chart import as_template

PARAMETERS: Final = "mlops-operator-parameters"
SERVICE_ACCOUNTS: Final = "mlops-operator-service-accounts"
LABELS: Final = {"app.kubernetes.io/part-of": "mlops-operator"}

FIELDS: Final[Mapping[str, str]] = {
    "TrainingJob": "spec.parameters",
    "RetrainPolicy": "spec.training.spec.parameters",
}
"""Where a kind has parameters."""


def parameters_policy() -> tuple[Manifest, Manifest]:
    """The policy that bounds the size of all parameters together, and its binding.

    The size is that of the formatted value, which is JSON with a blank after each comma. Where it cannot be computed
    the object is admitted: the controller checks again before it creates a pod.
    """
    return _policy(
        PARAMETERS,
        ["trainingjobs", "retrainpolicies"],
        failure="Ignore",
        variables={
            "parameters": _parameters(),
            "bytes": "bytes('%s'.format([variables.parameters])).size()",
            "field": _field(),
        },
        validation={
            "expression": f"variables.bytes <= {MAX_PARAMETERS_KIB * 1024}",
            "messageExpression": (
                f"variables.field + ': expected at most {MAX_PARAMETERS_KIB} KiB as JSON, found ' +"
                " string((variables.bytes + 1023) / 1024) +"
                " ' KiB; put large values into a file, and name it in data'"
            ),
            "reason": "Invalid",
        },
    )


def service_accounts_policy() -> tuple[Manifest, Manifest]:
    """The policy on who may name the service account of task pods, and its binding.

    Who may create pods or Jobs in a namespace may use any service account of it. Naming one in an object whose pods
    would not run the user's code otherwise must not give that to anyone else. An account that the object names already
    may stay. The operator, which copies `taskPods` of a TrainingJob and of a gate, may create Jobs.

    TrainingJobs, ModelDeployments and RetrainPolicies are not limited: their pods run the user's image, with an account
    of the user's choice.
    """
    return _policy(
        SERVICE_ACCOUNTS,
        ["evaluations", "modelmonitors", "modelversions", "models"],
        failure="Fail",
        variables={
            "named": _accounts("object"),
            "before": f"oldObject == null ? [] : {_accounts('oldObject')}",
            "mayRunPods": " || ".join(
                f"authorizer.group('{group}').resource('{resource}').namespace(request.namespace)"
                ".check('create').allowed()"
                for group, resource in (("", "pods"), ("batch", "jobs"))
            ),
        },
        validation={
            "expression": "variables.named.all(name, name in variables.before) || variables.mayRunPods",
            "messageExpression": (
                "'taskPods.serviceAccountName: expected a user who may create pods or jobs in namespace ' +"
                " request.namespace + ', found ' + request.userInfo.username +"
                " '; leave it out, or ask for these rights'"
            ),
            "reason": "Forbidden",
        },
    )


def _accounts(variable: str) -> str:
    """The service accounts that an object names. Without types: the kinds have different fields."""
    spec = f"dyn({variable}.spec)"
    field = "?taskPods.?serviceAccountName"
    gates = f"{spec}.?aliases.orValue([]).map(alias, alias.?gate.{field}.orValue(''))"
    own = f"[{spec}.{field}.orValue(''), {spec}.?retention.{field}.orValue('')]"
    return f"({own} + {gates}).filter(name, name != '')"


def _policy(
    name: str, resources: Sequence[str], *, failure: str, variables: Mapping[str, str], validation: Mapping[str, str]
) -> tuple[Manifest, Manifest]:
    """A policy on writes of these kinds that change the spec, and its binding."""
    policy: Manifest = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {
            "failurePolicy": failure,
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": [VERSION],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": list(resources),
                        "scope": "*",  # the default: left out of a list, it is a change at every kubectl apply
                    }
                ]
            },
            # Objects that are older than the policy can still be labeled, finalized and deleted.
            "matchConditions": [
                {"name": "spec-changed", "expression": "oldObject == null || object.spec != oldObject.spec"}
            ],
            "variables": [{"name": key, "expression": expression} for key, expression in variables.items()],
            "validations": [dict(validation)],
        },
    }
    binding: Manifest = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
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
    return "---\n".join(map(as_template, (*parameters_policy(), *service_accounts_policy())))
