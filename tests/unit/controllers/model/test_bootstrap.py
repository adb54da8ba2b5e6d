# SPDX-License-Identifier: Apache-2.0
"""An alias with `bootstrap` that points at nothing is offered each Ready version once, in order."""

from typing import Any

import pytest

from mlops_operator.api.model import Alias
from mlops_operator.controllers.model.policies.bootstrap import refused_versions
from mlops_operator.controllers.model.policies.rejections import with_rejections
from mlops_operator.controllers.shared.gates import RecordedResult, gate_key
from mlops_operator.controllers.shared.indexes import VersionFact
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.unit.controllers.builders import condition
from tests.unit.controllers.model.driver import NAME, SINCE, Registry, promotion, version
from tests.unit.controllers.model.test_rejections import ABOVE, AT, BELOW, result
from tests.unit.controllers.versions import digest_of

BOOTSTRAP: dict[str, Any] = {"aliases": [{"name": "champion", "bootstrap": True}]}


def offered(registry: Registry) -> list[str]:
    return [entry["spec"]["version"] for entry in registry.cluster.world.all(PROMOTIONS)]


def test_the_first_ready_version_is_offered() -> None:
    registry = Registry(version("v1"), **BOOTSTRAP)
    obj = registry.cluster.only(PROMOTIONS)
    assert obj["spec"]["version"] == "v1"
    assert obj["spec"]["alias"] == "champion"
    assert obj["spec"]["model"] == NAME
    assert obj["metadata"]["ownerReferences"][0]["uid"] == f"uid-of-{NAME}"


def test_the_lowest_number_is_offered_first() -> None:
    registry = Registry(version("young", age=1), version("old", age=2), **BOOTSTRAP)
    assert offered(registry) == ["old"]


def test_nothing_is_offered_without_bootstrap() -> None:
    assert offered(Registry(version("v1"))) == []


def test_a_version_that_is_not_ready_is_not_offered() -> None:
    registry = Registry(version("v1", ready=False), **BOOTSTRAP)
    assert offered(registry) == []
    registry.put(version("v1"))
    assert offered(registry) == ["v1"]


def test_a_rejected_version_is_not_offered() -> None:
    assert offered(Registry(version("v1", rejected=True), version("v2", age=-1), **BOOTSTRAP)) == ["v2"]


def test_an_alias_that_points_at_something_is_offered_nothing() -> None:
    registry = Registry(version("v1"), version("v2"), promotion("p1", "v1"), **BOOTSTRAP)
    registry.finish("p1", "Promoted")
    assert offered(registry) == ["v1"]


def test_a_persons_promotion_goes_first() -> None:
    registry = Registry(version("v1"), promotion("mine", "v1", passed=False, phase="Evaluating"), **BOOTSTRAP)
    assert offered(registry) == ["v1"]
    assert registry.cluster.only(PROMOTIONS)["metadata"]["name"] == "mine"


def test_a_version_that_was_refused_is_not_offered_again_and_the_next_is() -> None:
    registry = Registry(version("v1", age=2), version("v2", age=1), **BOOTSTRAP)
    registry.finish(registry.cluster.only(PROMOTIONS)["metadata"]["name"], "Rejected")
    assert sorted(offered(registry)) == ["v1", "v2"]


def test_when_none_is_left_nothing_happens() -> None:
    registry = Registry(version("v1"), **BOOTSTRAP)
    plan = registry.finish(registry.cluster.only(PROMOTIONS)["metadata"]["name"], "Rejected")
    assert plan.actions == ()
    assert condition(registry.obj, "Ready")["reason"] == "AliasUnset"


def test_a_version_made_again_is_offered_again() -> None:
    registry = Registry(version("v1"), **BOOTSTRAP)
    registry.finish(registry.cluster.only(PROMOTIONS)["metadata"]["name"], "Rejected")
    registry.put(version("v1", uid="another"))
    assert offered(registry) == ["v1", "v1"]


def test_each_alias_gets_its_own_offer() -> None:
    aliases = [{"name": name, "bootstrap": True} for name in ("a" * 63, "b" * 63)]
    registry = Registry(version("v1"), aliases=aliases)
    names = [entry["metadata"]["name"] for entry in registry.cluster.world.all(PROMOTIONS)]
    assert len(names) == 2
    assert all(len(name) <= 253 and name.startswith(NAME) for name in names)


def test_a_refused_offer_does_not_keep_facts_from_being_written() -> None:
    registry = Registry(**BOOTSTRAP)
    registry.cluster.refuse["Promotion"] = (403, "Forbidden", "no")
    plan = registry.put(version("v1"))
    assert registry.numbers == {"v1": 1}
    assert condition(registry.obj, "Ready")["reason"] == "Forbidden"
    assert plan.requeue_after == 60
    registry.put(version("v2", age=-1))
    assert registry.numbers == {"v1": 1, "v2": 2}
    registry.cluster.refuse.clear()
    registry.settle()
    assert offered(registry) == ["v1"]


def test_an_offer_whose_name_is_taken_is_tried_again() -> None:
    registry = Registry(**BOOTSTRAP)
    registry.cluster.refuse["Promotion"] = (409, "NameTaken", "Promotion p already exists")
    assert registry.put(version("v1")).requeue_after == 60
    assert condition(registry.obj, "Stalled")["reason"] == "NameTaken"
    registry.cluster.refuse.clear()
    registry.settle()
    assert offered(registry) == ["v1"]


def test_an_offer_that_the_api_refuses_is_repeated_only_for_a_changed_spec() -> None:
    registry = Registry(**BOOTSTRAP)
    registry.cluster.refuse["Promotion"] = (422, "Invalid", "spec: no")
    registry.put(version("v1"))
    assert condition(registry.obj, "Stalled")["reason"] == "Refused"
    registry.cluster.refuse.clear()
    assert registry.settle().actions == ()
    assert offered(registry) == []
    assert condition(registry.obj, "Stalled")["reason"] == "Refused"
    registry.cluster.edit(MODELS, NAME, description="changed")
    registry.settle()
    assert offered(registry) == ["v1"]
    assert condition(registry.obj, "Stalled")["status"] == "False"


# -- a changed gate, and the way out ------------------------------------------------------------------


def gated(least: float) -> list[dict[str, Any]]:
    """Aliases with a gate that asks for this accuracy."""
    data = [{"name": "holdout", "uri": "pvc://data/holdout.npz"}]
    return [{"name": "champion", "bootstrap": True, "gate": {"data": data, "metrics": [_rule(least)]}}]


def _rule(least: float) -> dict[str, Any]:
    return {"name": "accuracy", "min": least}


def refused(registry: Registry, why: str = "0.91 is below the minimum of 0.95") -> str:
    """The open offer is rejected, and its version says so; the offer's name."""
    (offer,) = [obj for obj in registry.cluster.world.all(PROMOTIONS) if "phase" not in obj.get("status", {})]
    ready = {"type": "Ready", "status": "False", "reason": "GateFailed", "message": why, "lastTransitionTime": SINCE}
    offer["status"] = {"phase": "Rejected", "conditions": [ready]}
    registry.cluster.store(offer)
    version_ = registry.cluster.get(MODEL_VERSIONS, offer["spec"]["version"])
    alias = Alias.model_validate(registry.obj["spec"]["aliases"][0])
    assert alias.gate is not None
    version_["status"]["conditions"][0]["status"] = "True"
    version_["status"]["gates"] = [
        *version_["status"].get("gates", ()),
        {
            "gate": gate_key(NAME, alias.name, alias.gate),
            "alias": alias.name,
            "digest": version_["spec"]["artifact"]["digest"],
            "verdict": "Fail",
            "evaluation": "e",
            "evaluationUid": f"e-{offer['metadata']['uid']}",
            "promotion": offer["metadata"]["name"],
            "promotionUid": offer["metadata"]["uid"],
            "time": SINCE,
        },
    ]
    registry.cluster.store(version_)
    registry.settle()
    return str(offer["metadata"]["name"])


def test_the_model_names_the_rejected_promotion_and_what_to_do() -> None:
    registry = Registry(version("v1"), aliases=gated(0.95))
    name = refused(registry)
    ready = condition(registry.obj, "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "AliasUnset")
    assert f"Promotion {name} of v1 was rejected (GateFailed: 0.91 is below the minimum of 0.95)" in ready["message"]
    assert "tried again when the gate is changed" in ready["message"]


def test_a_changed_gate_is_asked_about_the_version_again() -> None:
    registry = Registry(version("v1"), aliases=gated(0.95))
    refused(registry)
    assert offered(registry) == ["v1"]
    registry.cluster.edit(MODELS, NAME, aliases=gated(0.9))
    registry.settle()
    assert offered(registry) == ["v1", "v1"]
    refused(registry)
    registry.settle()
    assert offered(registry) == ["v1", "v1"], "each gate is asked once"


def test_without_its_gate_the_alias_is_offered_the_version_again() -> None:
    registry = Registry(version("v1"), aliases=gated(0.95))
    refused(registry)
    registry.cluster.edit(MODELS, NAME, aliases=[{"name": "champion", "bootstrap": True, "gate": None}])
    registry.settle()
    assert offered(registry) == ["v1", "v1"]


def test_an_artifact_that_failed_a_gate_of_now_is_offered_to_no_alias_under_no_name() -> None:
    registry = Registry(version("v1"), aliases=gated(0.95))
    refused(registry)
    twin = {**version("twin", age=-1)}
    twin["spec"]["artifact"]["digest"] = version("v1")["spec"]["artifact"]["digest"]
    registry.put(twin)
    registry.cluster.edit(MODELS, NAME, aliases=[*gated(0.95), {"name": "staging", "bootstrap": True}])
    registry.settle()
    assert offered(registry) == ["v1"]


def test_an_offer_whose_version_was_deleted_does_not_keep_the_next_version_waiting() -> None:
    registry = Registry(version("v1"), **BOOTSTRAP)
    registry.cluster.world.remove(registry.cluster.get(MODEL_VERSIONS, "v1"))
    registry.put(version("v2", age=-1))
    assert sorted(offered(registry)) == ["v1", "v2"]


# -- which versions are refused --------------------------------------------------------------------


def of_artifact(number: int, verdict: str, *, rows: str | None = None, after: str | None = None) -> RecordedResult:
    """A result of the gate `g` for the artifact `a`."""
    return result(number, artifact="a", verdict=verdict, rows=rows)._replace(recent_after=after)


FAILED = of_artifact(1, "Fail", rows=AT)


@pytest.mark.parametrize("remembered", [False, True], ids=["recorded", "remembered"])
@pytest.mark.parametrize(
    ("others", "refused"),
    [
        ([], True),
        ([of_artifact(2, "Inconclusive", after=ABOVE)], True),
        ([of_artifact(2, "Pass")], True),
        ([of_artifact(2, "Pass", after=BELOW)], True),
        ([of_artifact(2, "Pass", after=AT)], False),
        ([of_artifact(2, "Pass", after=AT), of_artifact(3, "Pass", after=BELOW)], False),
        ([of_artifact(2, "Pass", after=BELOW), of_artifact(3, "Pass", after=AT)], False),
        ([of_artifact(2, "Pass", after=AT), of_artifact(3, "Fail", rows=ABOVE)], True),
    ],
)
def test_a_failure_stands_until_the_artifact_passes_on_newer_rows(
    others: list[RecordedResult], refused: bool, remembered: bool
) -> None:
    versions = [VersionFact(SINCE, name, name, ready=True, rejected=False, digest=digest_of(name)) for name in "ab"]
    results = [FAILED, *others]
    rejections = with_rejections((), results) if remembered else ()
    found = refused_versions(versions, () if remembered else results, rejections, gates={"g"})
    assert found == (frozenset("a") if refused else frozenset())
    assert refused_versions(versions, results, rejections, gates={"another"}) == frozenset()


def test_an_artifact_without_a_failure_is_refused_only_where_its_version_says_so() -> None:
    results = [of_artifact(1, "Pass", after=AT), of_artifact(2, "Inconclusive", rows=AT)]
    version_ = VersionFact(SINCE, "a", "a", ready=True, rejected=False, digest=digest_of("a"))
    assert refused_versions([version_], results, (), gates={"g"}) == frozenset()
    assert refused_versions([version_._replace(rejected=True)], results, (), gates={"g"}) == {"a"}


# -- whether a first version is on its way -----------------------------------------------------


def reconciling(registry: Registry) -> tuple[str, str, str]:
    """Status of `Ready`, status and reason of `Reconciling`."""
    found = condition(registry.obj, "Reconciling")
    return condition(registry.obj, "Ready")["status"], found["status"], found["reason"]


def test_without_a_version_nothing_is_under_way() -> None:
    assert reconciling(Registry(**BOOTSTRAP)) == ("True", "False", "NotReconciling")


def test_a_version_that_is_verified_or_offered_is_under_way() -> None:
    registry = Registry(version("v1", ready=False), **BOOTSTRAP)
    assert reconciling(registry) == ("True", "True", "Bootstrapping")
    registry.put(version("v1"))
    assert reconciling(registry) == ("True", "True", "Bootstrapping")
    registry.finish(registry.cluster.only(PROMOTIONS)["metadata"]["name"], "Rejected")
    assert reconciling(registry) == ("True", "False", "NotReconciling")


def test_a_gate_whose_rows_are_not_there_is_not_under_way() -> None:
    registry = Registry(version("v1"), **BOOTSTRAP)
    offer = registry.cluster.only(PROMOTIONS)
    ready = {"type": "Ready", "status": "False", "reason": "DataNotFound"}
    registry.put({**offer, "status": {"phase": "Evaluating", "conditions": [ready]}})
    assert reconciling(registry) == ("True", "False", "NotReconciling")
    assert offered(registry) == ["v1"]


def test_an_alias_without_bootstrap_waits_for_the_user() -> None:
    registry = Registry(version("v1"), aliases=[{"name": "champion"}])
    assert reconciling(registry) == ("True", "False", "NotReconciling")
