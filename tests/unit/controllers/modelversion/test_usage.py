# SPDX-License-Identifier: Apache-2.0
"""Where a version is used: read from the others' statuses."""

from typing import Any

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.modelversion import ModelVersionStatus
from mlops_operator.controllers.modelversion.observed import (
    concerned_by_deployment,
    concerned_by_deployment_change,
    concerned_by_model,
    concerned_by_model_change,
)
from mlops_operator.controllers.modelversion.policies.usage import deployed_in
from mlops_operator.controllers.shared.served import ServedFact
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS, MODEL_VERSIONS
from tests.unit.controllers.builders import NAMESPACE, ToyWorld, condition, make
from tests.unit.controllers.modelversion.driver import MODEL, NAME, UID, begin, model

SINCE = "2026-01-01T00:00:00Z"


def numbered(number: int, *aliases: str, uid: str = UID) -> Manifest:
    """The Model, with this version's number and the aliases that point at it, or at another object of its name."""
    return model(
        versions=[{"name": NAME, "uid": UID, "number": number}],
        aliases=[
            {"name": alias, "version": NAME, "versionUid": uid, "promotion": "p", "promotionUid": "u", "since": SINCE}
            for alias in aliases
        ],
    )


def deployment(name: str, **roles: str) -> Manifest:
    status = {role: {"version": version, "versionUid": f"uid-of-{version}"} for role, version in roles.items()}
    return make(MODEL_DEPLOYMENTS, name, spec={}, status=status)


def test_number_and_aliases_are_the_models() -> None:
    version = begin(numbered(7, "staging", "champion"))
    version.at(3).verified()
    assert version.status["version"] == 7
    assert version.status["aliases"] == ["champion", "staging"]


def test_an_alias_and_a_deployment_of_a_former_object_of_the_name_are_not_its_own() -> None:
    former = deployment("web", stable=NAME)
    former["status"]["stable"]["versionUid"] = "uid-of-its-predecessor"
    version = begin(numbered(7, "champion", uid="uid-of-its-predecessor"), former)
    version.at(3).verified()
    assert not version.status.keys() & {"aliases", "deployedIn"}


def test_an_alias_that_moves_away_is_gone() -> None:
    version = begin(numbered(7, "champion"))
    version.at(3).verified()
    version.put(numbered(7))
    assert "aliases" not in version.status


def test_another_version_of_the_same_name_has_another_number() -> None:
    version = begin(model(versions=[{"name": NAME, "uid": "uid-of-its-predecessor", "number": 3}]))
    version.at(3).verified()
    assert "version" not in version.status


def test_deployments_are_named_with_the_role() -> None:
    version = begin(model(), deployment("web", stable=NAME), deployment("app", stable="other", candidate=NAME))
    version.at(3).verified()
    assert version.status["deployedIn"] == [
        {"name": "app", "role": "Candidate"},
        {"name": "web", "role": "Stable"},
    ]


def test_a_version_in_both_roles_is_stable() -> None:
    version = begin(model(), deployment("web", stable=NAME, candidate=NAME))
    version.at(3).verified()
    assert version.status["deployedIn"] == [{"name": "web", "role": "Stable"}]


def test_the_status_names_as_many_deployments_as_it_may() -> None:
    facts = [ServedFact(f"web-{number:02}", NAME, UID, "", "") for number in range(40)]
    served = deployed_in(facts, UID)
    assert [entry.name for entry in ModelVersionStatus(deployed_in=served).deployed_in] == [
        f"web-{number:02}" for number in range(32)
    ]


def test_a_model_that_appears_while_the_artifact_is_checked_is_no_longer_missed() -> None:
    version = begin(deployment("unrelated"))
    version.put(model())
    assert condition(version.obj, "Ready")["reason"] == "Verifying"


def test_a_missing_model_is_told_at_once_and_the_verification_goes_on() -> None:
    version = begin(deployment("unrelated"))
    assert condition(version.obj, "Ready")["reason"] == "ModelNotFound"
    version.at(3).verified()
    assert condition(version.obj, "Ready")["reason"] == "ModelNotFound"
    assert version.status["verifiedAt"]
    version.put(model())
    assert condition(version.obj, "Ready")["reason"] == "Verified"


# -- whom news concern ---------------------------------------------------------------------------


def settled_version(name: str, **status: Any) -> Manifest:
    ready = {"type": "Ready", "status": "True", "reason": "Verified", "lastTransitionTime": SINCE}
    return make(MODEL_VERSIONS, name, spec={"model": MODEL}, status={"conditions": [ready], **status})


def registered(**aliases: str) -> Manifest:
    """The Model with versions 1 and 2, and these aliases."""
    versions = [{"name": f"v{count}", "uid": f"uid-of-v{count}", "number": count} for count in (1, 2)]
    pointing = [
        {"name": alias, "version": version, "versionUid": f"uid-of-{version}", "since": SINCE}
        for alias, version in aliases.items()
    ]
    return model(versions=versions, aliases=pointing)


def concerned(old: Manifest, new: Manifest) -> set[str]:
    return {key.name for key in concerned_by_model_change(old, new, ToyWorld())}


def test_a_change_of_a_model_concerns_only_the_versions_that_got_a_number_or_whose_aliases_moved() -> None:
    assert concerned(model(), registered()) == {"v1", "v2"}
    assert concerned(registered(), registered(champion="v1")) == {"v1"}
    assert concerned(registered(champion="v1"), registered(champion="v2")) == {"v1", "v2"}
    assert concerned(registered(champion="v1"), registered()) == {"v1"}
    assert concerned(registered(champion="v1"), registered(champion="v1")) == set()


def test_a_deleted_model_concerns_all_its_versions() -> None:
    world = ToyWorld(settled_version("settled", version=1))
    assert list(concerned_by_model(model(), world)) == [Key(NAMESPACE, "settled")]


def test_a_deployments_news_concern_the_versions_it_serves() -> None:
    keys = concerned_by_deployment(deployment("web", stable="v1", candidate="v2"), ToyWorld())
    assert list(keys) == [Key(NAMESPACE, "v1"), Key(NAMESPACE, "v2")]


def test_a_deployment_that_serves_what_it_served_concerns_no_version() -> None:
    former, after = deployment("web", stable="v1"), deployment("web", stable="v2", candidate="v3")
    assert list(concerned_by_deployment_change(former, former, ToyWorld())) == []
    names = [key.name for key in concerned_by_deployment_change(former, after, ToyWorld())]
    assert names == ["v1", "v2", "v3"]
