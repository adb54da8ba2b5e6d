# SPDX-License-Identifier: Apache-2.0
"""An alias is restored from a backup by the digest of its artifact, and by nothing else."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.unit.controllers.builders import condition
from tests.unit.controllers.model.driver import NAME, SINCE, Registry, promotion, version
from tests.unit.controllers.versions import digest_of, model_version


def declared(name: str = "v1", *, digest: str | None = None, **alias: Any) -> Manifest:
    """The spec of a Model whose champion is to be restored."""
    restore = {"version": name, "digest": digest or digest_of(name)}
    return {"aliases": [{"name": "champion", "restore": restore, **alias}]}


def of_another_model(**metadata: Any) -> Manifest:
    """A status that was written for another Model object, as a backup tool restores it."""
    entry = {
        "name": "champion",
        "version": "v1",
        "versionUid": "former-uid-of-v1",
        "digest": digest_of("v1"),
        "promotion": "p1",
        "promotionUid": "uid-of-p1",
        "since": SINCE,
        "modelUid": "former-uid",
        **metadata,
    }
    return {"observedGeneration": 1, "aliases": [entry]}


def backed_up(registry: Registry, status: Manifest) -> None:
    """The status of the backup is written over that of the new object."""
    obj = registry.obj
    obj["status"] = status
    registry.cluster.store(obj)
    registry.settle()


def reason(registry: Registry, kind: str = "Ready") -> tuple[str, str]:
    found = condition(registry.obj, kind)
    return found["status"], found["reason"]


def message(registry: Registry) -> str:
    return str(condition(registry.obj, "Ready")["message"])


def test_an_alias_without_an_entry_is_restored_and_the_entry_says_so() -> None:
    registry = Registry(version("v1"), **declared())
    assert registry.alias() == {
        "name": "champion",
        "version": "v1",
        "versionUid": "uid-of-v1",
        "digest": digest_of("v1"),
        "reason": "Restored",
        "since": "2026-01-01T12:00:00Z",
        "modelUid": "uid-of-digits",
    }
    assert "AliasRestored" in registry.events
    assert reason(registry) == ("True", "Reconciled")


def test_the_version_is_awaited_and_nothing_is_offered_meanwhile() -> None:
    registry = Registry(version("v2"), **declared(bootstrap=True))
    assert registry.points_at() is None
    assert reason(registry) == ("False", "RestorePending")
    assert "ModelVersion v1 does not exist" in message(registry)
    assert registry.cluster.world.all(PROMOTIONS) == []
    registry.put(version("v1", ready=False))
    assert registry.points_at() is None
    registry.put(version("v1"))
    assert registry.points_at() == "v1"
    assert registry.cluster.world.all(PROMOTIONS) == []


def test_no_promotion_moves_the_alias_while_it_is_to_be_restored() -> None:
    registry = Registry(version("v2"), promotion("p1", "v2"), **declared())
    assert registry.points_at() is None
    registry.put(version("v1"))
    assert registry.points_at() == "v1"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (version("v1") | {}, "expected artifact digest"),
        (model_version("v1", model="other"), "is of Model other"),
        (model_version("v1", ready=False, stalled=True), "is not Ready"),
    ],
    ids=["digest", "model", "corrupt"],
)
def test_a_wrong_restore_is_stalled_moves_and_offers_nothing_and_recovers(other: Manifest, words: str) -> None:
    digest = digest_of("another") if words.startswith("expected") else None
    registry = Registry(other, version("v2"), **declared(digest=digest, bootstrap=True))
    assert reason(registry, "Stalled") == ("True", "RestoreInvalid")
    assert words in message(registry)
    assert "spec.aliases[champion].restore" in message(registry)
    assert registry.points_at() is None
    assert registry.cluster.world.all(PROMOTIONS) == []
    right = declared("v2")
    registry.cluster.edit(MODELS, NAME, aliases=right["aliases"])
    registry.settle()
    assert registry.points_at() == "v2"
    assert reason(registry, "Stalled")[0] == "False"


def test_without_restore_the_bootstrap_goes_on() -> None:
    registry = Registry(version("v2"), **declared(bootstrap=True))
    registry.cluster.edit(MODELS, NAME, aliases=[{"name": "champion", "bootstrap": True}])
    registry.settle()
    assert registry.cluster.only(PROMOTIONS)["spec"]["version"] == "v2"


def test_an_alias_that_points_at_something_is_not_restored() -> None:
    registry = Registry(version("v1"), version("v2"), promotion("p1", "v2"))
    assert registry.points_at() == "v2"
    registry.cluster.edit(MODELS, NAME, aliases=declared()["aliases"])
    registry.settle()
    assert registry.points_at() == "v2"


def test_a_restored_alias_moves_on_by_a_promotion_and_the_history_keeps_the_restore() -> None:
    registry = Registry(version("v1"), **declared())
    registry.put(version("v2"), promotion("p2", "v2", origin="v1"))
    assert registry.points_at() == "v2"
    alias = registry.alias()
    assert alias is not None
    (term,) = alias["history"]
    assert (term["version"], term["reason"], "promotion" in term) == ("v1", "Restored", False)
    # A stale `restore` does not take the alias back when its target is deleted.
    registry.cluster.world.remove(registry.cluster.get(MODEL_VERSIONS, "v2"))
    registry.settle()
    assert registry.points_at() == "v2"
    assert reason(registry) == ("False", "AliasTargetMissing")


def test_a_status_of_another_model_object_is_restored_by_digest_with_its_history() -> None:
    registry = Registry(version("v1"))
    backed_up(registry, of_another_model(history=[{**of_another_model()["aliases"][0], "version": "v0"}]))
    alias = registry.alias()
    assert alias is not None
    assert (alias["version"], alias["versionUid"], alias["reason"]) == ("v1", "uid-of-v1", "Restored")
    assert [term["version"] for term in alias["history"]] == ["v1", "v0"]
    assert alias["history"][0]["promotion"] == "p1"
    assert reason(registry) == ("True", "Reconciled")


def test_a_status_of_another_model_object_waits_for_the_version_with_the_digest() -> None:
    registry = Registry(model_version("v1", digest=digest_of("changed")))
    backed_up(registry, of_another_model())
    assert reason(registry) == ("False", "AliasTargetMissing")
    assert "expected artifact digest" in message(registry)
    alias = registry.alias()
    assert alias is not None
    assert alias["versionUid"] == "former-uid-of-v1"
    registry.put(version("v1", uid="third"))
    alias = registry.alias()
    assert alias is not None
    assert alias["versionUid"] == "third"


def test_an_own_status_is_not_restored_when_the_version_is_created_again() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    registry.put(version("v1", uid="another"))
    alias = registry.alias()
    assert alias is not None
    assert alias["versionUid"] == "uid-of-v1"
    assert reason(registry) == ("False", "AliasTargetMissing")
