# SPDX-License-Identifier: Apache-2.0
"""Rights from declarations: nothing more than is declared, nothing that must never be granted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.generated import ROOT
from mlops_operator.codegen.rbac.__main__ import generator
from mlops_operator.codegen.rbac.policy import (
    ForbiddenRuleError,
    cluster_rules,
    editor_rules,
    leader_rules,
    operator_rules,
    policy_rules,
    viewer_rules,
    written_resources,
)
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import JOBS, MODELS, PODS, TRAINING_JOBS, Resource
from mlops_operator.runtime.cache.watch import Watch
from mlops_operator.runtime.work.controller import Controller, Rule

SECRETS = Resource("", "v1", "secrets", "Secret")


@dataclass(frozen=True)
class Declared:
    """What the generator reads of a controller."""

    resource: Resource = TRAINING_JOBS
    watches: Sequence[Watch] = ()
    rules: Sequence[Rule] = ()


def operator_grants(*controllers: Declared) -> dict[str, set[str]]:
    return grants(operator_rules(cast("Sequence[Controller]", controllers)))


def grants(rules: Sequence[dict[str, list[str]]]) -> dict[str, set[str]]:
    """Verbs by `resource.group`."""
    found: dict[str, set[str]] = {}
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault(f"{resource}.{group}".rstrip("."), set()).update(rule["verbs"])
    return found


def test_the_admission_policy_is_about_everything_that_may_be_written() -> None:
    controllers = all_controllers(Settings())
    write = {"create", "update", "patch", "delete", "deletecollection"}
    writable = {name for name, verbs in grants(operator_rules(controllers)).items() if verbs & write}
    matched = {
        f"{resource}.{group}".rstrip(".")
        for rule in written_resources(controllers)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    left_out = writable - matched
    assert {name for name in left_out if "/status." not in name} == {"events.events.k8s.io"}
    assert {"jobs.batch", "deployments.apps", "services", "modelversions.mlops-operator.io"} <= matched


def test_the_charts_rules_are_fresh() -> None:
    assert generator().differences(ROOT) == []


def test_own_kinds_are_read_and_their_status_is_patched_and_no_more() -> None:
    assert operator_grants(Declared()) == {
        "events.events.k8s.io": {"create", "list"},
        "trainingjobs.mlops-operator.io": {"get", "list", "watch"},
        "trainingjobs/status.mlops-operator.io": {"patch"},
    }


def test_watched_resources_are_listed_and_watched() -> None:
    watch = Watch(resource=MODELS, keys=lambda _obj, _world: ())
    assert operator_grants(Declared(watches=(watch,)))["models.mlops-operator.io"] == {"list", "watch"}


def test_declared_rules_are_added_up() -> None:
    found = operator_grants(Declared(rules=(Rule(JOBS, ("create",)), Rule(JOBS, ("get", "create")))))
    assert found["jobs.batch"] == {"get", "create"}


def test_rules_of_a_group_with_equal_verbs_are_one() -> None:
    rules = policy_rules((Rule(MODELS, ("list", "get")), Rule(TRAINING_JOBS, ("get", "list"))))
    assert rules == [
        {"apiGroups": ["mlops-operator.io"], "resources": ["models", "trainingjobs"], "verbs": ["get", "list"]}
    ]


def test_the_order_of_declarations_does_not_matter() -> None:
    declared = [Rule(JOBS, ("get",)), Rule(PODS, ("list",)), Rule(MODELS, ("get",))]
    assert policy_rules(declared) == policy_rules(reversed(declared))


@pytest.mark.parametrize(
    "rule", [Rule(SECRETS, ("get",)), Rule(JOBS, ("*",)), Rule(Resource("batch", "v1", "*", "Job"), ("get",))]
)
def test_what_is_never_granted_cannot_be_declared(rule: Rule) -> None:
    with pytest.raises(ForbiddenRuleError, match="narrow the controller's rule"):
        policy_rules((rule,))


def test_the_real_rules_touch_no_pod_but_to_read_it() -> None:
    found = grants(operator_rules(all_controllers(Settings())))
    assert found.get("pods", set()) <= {"get", "list", "watch"}
    assert not any("*" in name or "secrets" in name or "*" in verbs for name, verbs in found.items())


def test_the_lease_is_bound_to_its_name() -> None:
    named = [rule for rule in leader_rules("mine") if "resourceNames" in rule]
    assert [(rule["resourceNames"], rule["verbs"]) for rule in named] == [(["mine"], ["get", "update"])]


def test_people_get_the_kinds_but_never_their_status() -> None:
    plurals = {f"{kind.plural}.mlops-operator.io" for kind in KINDS}
    assert set(grants(viewer_rules(KINDS))) == plurals
    edit = grants(editor_rules(KINDS))
    assert plurals < set(edit)
    assert "modeldeployments/scale.mlops-operator.io" in edit
    assert not any("/status" in name for name in edit)


def test_a_controller_satisfies_what_the_generator_reads() -> None:
    controllers: tuple[Controller, ...] = all_controllers(Settings())
    assert controllers


def test_nodes_are_listed_only_by_an_operator_of_all_namespaces() -> None:
    assert grants(cluster_rules()) == {"nodes": {"list"}}
    assert "nodes" not in grants(operator_rules(all_controllers(Settings())))
    assert "nodes" not in grants(leader_rules("lease"))
