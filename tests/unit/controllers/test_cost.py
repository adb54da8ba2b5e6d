# SPDX-License-Identifier: Apache-2.0
"""What one change costs does not grow with the number of objects beside it: plans and decoded objects are counted."""

from collections.abc import Callable

import pytest

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import MAX_VERSIONS
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.modeldeployment.controller import ModelDeploymentController
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.modelversion.policies.usage import MAX_DEPLOYMENTS
from mlops_operator.controllers.promotion.controller import PromotionController
from mlops_operator.controllers.retrainpolicy.controller import RetrainPolicyController
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from mlops_operator.runtime.cache.cache import Cache
from tests.unit.controllers.builders import NAMESPACE, later, make
from tests.unit.controllers.engine import Engine
from tests.unit.controllers.versions import model_version

N = 1000
PLANS = 5
"""Plans of one object in all, whatever the others do: two at its creation, two at its end, one for another object."""

DECODED = 6
"""Objects that one plan reads from the cache."""

SETTINGS = Settings(workload_image="example/workload:1")


def model(*aliases: str) -> Manifest:
    return make(MODELS, "digits", spec={"aliases": [{"name": name} for name in aliases]}, status={})


def promotion(count: int, *, version: str, alias: str = "champion") -> Manifest:
    spec = {"model": "digits", "alias": alias, "version": version}
    return make(PROMOTIONS, f"p{count:04}", spec=spec, status={"observedGeneration": -1}, created=later(count))


def one_at_a_time(engine: Engine, objects: list[Manifest]) -> None:
    for obj in objects:
        engine.put(obj)
        engine.run()


def in_a_burst(engine: Engine, objects: list[Manifest]) -> None:
    for obj in objects:
        engine.put(obj)
    engine.run()


ARRIVALS = pytest.mark.parametrize("arrive", [one_at_a_time, in_a_burst])
Arrive = Callable[[Engine, list[Manifest]], None]


def phases(engine: Engine) -> list[str]:
    store = engine.cache.store(PROMOTIONS)
    return [(store.get(key) or {})["status"]["phase"] for key in sorted(store)]


def releasing(patch: pytest.MonkeyPatch) -> Engine:
    return Engine((ModelController(SETTINGS), PromotionController(SETTINGS)), patch)


@ARRIVALS
def test_promotions_of_an_alias_that_is_not_there(arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = releasing(monkeypatch)
    arrive(engine, [promotion(count, version=f"v{count}") for count in range(N)])
    assert engine.most_enqueued <= 2
    assert engine.plans["Promotion"] <= PLANS * N
    assert engine.most_decoded["Promotion"] <= DECODED
    assert set(phases(engine)) == {"Pending"}


@ARRIVALS
def test_of_promotions_to_different_versions_only_the_newest_stays_open(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = releasing(monkeypatch)
    engine.put(model("champion"))
    arrive(engine, [promotion(count, version=f"v{count}") for count in range(N)])
    assert engine.most_enqueued <= 2
    assert engine.plans["Promotion"] <= PLANS * N
    assert engine.plans["Model"] <= PLANS * N
    assert max(engine.most_decoded.values()) <= DECODED
    assert phases(engine) == ["Superseded"] * (N - 1) + ["Pending"]


def test_one_promotion_to_another_version_ends_all_older_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = releasing(monkeypatch)
    engine.put(model("champion"))
    in_a_burst(engine, [promotion(count, version="v") for count in range(N)])
    assert set(phases(engine)) == {"Pending"}
    engine.put(promotion(N, version="another"))
    engine.run()
    assert phases(engine) == ["Superseded"] * N + ["Pending"]
    assert engine.most_enqueued <= 2
    assert engine.plans["Promotion"] <= PLANS * N


def test_a_newer_promotion_that_asks_for_what_an_older_one_asks_saves_only_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An older one is still superseded, although the newest no longer supersedes the one that was enqueued."""
    engine = releasing(monkeypatch)
    engine.put(model("champion"))
    one_at_a_time(engine, [promotion(0, version="y")])
    in_a_burst(engine, [promotion(count, version=version) for count, version in enumerate("xzx", start=1)])
    assert phases(engine) == ["Superseded", "Pending", "Superseded", "Pending"]


def test_an_alias_that_moves_concerns_no_promotion_of_another_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = releasing(monkeypatch)
    engine.put(model("champion", "shadow"))
    for version in ("digits-a", "digits-b"):
        engine.put(model_version(version))
    in_a_burst(engine, [promotion(count, version="missing", alias="shadow") for count in range(N)])
    engine.plans.clear()
    one_at_a_time(engine, [promotion(N + count, version=f"digits-{'ab'[count % 2]}") for count in range(10)])
    assert phases(engine)[N:] == ["Promoted"] * 10
    assert engine.plans["Promotion"] <= PLANS * 10


def test_a_version_that_is_ready_concerns_each_promotion_that_waits_for_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = releasing(monkeypatch)
    engine.put(model("champion"))
    in_a_burst(engine, [promotion(count, version="digits-a") for count in range(N)])
    engine.put(model_version("digits-a"))
    engine.run()
    assert set(phases(engine)) == {"Promoted"}
    assert engine.plans["Promotion"] <= 2 * PLANS * N


def version(count: int) -> Manifest:
    obj = model_version(f"v{count:04}")
    obj["metadata"] |= {"creationTimestamp": "2026-01-01T12:00:00Z", "uid": f"uid-of-v{count:04}"}
    obj["spec"]["artifact"]["digest"] = f"sha256:{count:064x}"
    obj["status"]["verifiedAt"] = "2026-01-01T12:00:00Z"
    return obj


def registering(patch: pytest.MonkeyPatch) -> Engine:
    return Engine((ModelController(SETTINGS), ModelVersionController(SETTINGS)), patch)


@pytest.mark.parametrize(("arrive", "n"), [(one_at_a_time, 100), (in_a_burst, N)])
def test_a_version_of_a_model_with_many(arrive: Arrive, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = registering(monkeypatch)
    engine.put(model("champion"))
    arrive(engine, [version(count) for count in range(n)])
    assert engine.plans["ModelVersion"] <= PLANS * n
    assert engine.plans["Model"] <= PLANS * n
    assert max(engine.most_decoded.values()) <= DECODED
    found = engine.cache.get(MODELS, Key(NAMESPACE, "digits"))
    assert found is not None
    assert [entry["number"] for entry in found["status"]["versions"]] == list(range(1, min(n, MAX_VERSIONS) + 1))


def test_versions_without_a_number_are_not_planned_for_when_another_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = registering(monkeypatch)
    engine.put(model("champion"))
    in_a_burst(engine, [version(count) for count in range(N)])
    engine.plans.clear()
    engine.delete(version(0))
    engine.run()
    assert engine.plans["ModelVersion"] <= PLANS
    assert engine.plans["Model"] <= PLANS


def test_a_deployment_of_a_version_that_many_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = registering(monkeypatch)
    engine.put(model("champion"))
    engine.put(version(0))
    status = {"stable": {"version": "v0000", "readyReplicas": 1}}
    deployments = [make(MODEL_DEPLOYMENTS, f"d{count:04}", spec={}, status=status) for count in range(N)]
    one_at_a_time(engine, deployments)
    assert engine.plans["ModelVersion"] <= N + MAX_DEPLOYMENTS + PLANS
    assert engine.most_decoded["ModelVersion"] <= DECODED
    engine.plans.clear()
    deployments[0]["status"]["stable"]["readyReplicas"] = 2
    one_at_a_time(engine, deployments[:1])
    assert engine.plans["ModelVersion"] == 0


def test_a_model_that_gets_versions_concerns_none_of_its_trainings_policies_and_deployments() -> None:
    """Their watches are asked, since their plans would need a whole scene."""
    controllers = (
        TrainingJobController(SETTINGS),
        RetrainPolicyController(SETTINGS),
        ModelDeploymentController(SETTINGS),
        PromotionController(SETTINGS),
    )
    cache = Cache(controllers)
    served = {"model": {"name": "digits", "alias": "champion"}}
    policy = {"model": "digits", "signals": [{"name": "s", "monitor": "m"}]}
    for resource, spec in (
        (TRAINING_JOBS, {"model": "digits"}),
        (RETRAIN_POLICIES, policy),
        (MODEL_DEPLOYMENTS, served),
    ):
        cache.observe(resource, {**make(resource, "x", spec=spec), "status": {}})
    before, after = model("champion"), model("champion")
    after["status"] = {"versions": [{"name": "v1", "uid": "u", "number": 1}], "latestVersion": 1}
    moved = model("champion")
    moved["status"] = {"aliases": [{"name": "champion", "version": "v1"}]}
    watches = [watch for part in controllers for watch in part.watches if watch.resource == MODELS]
    assert [list(watch.concerned(before, after, cache)) for watch in watches] == [[], [], [], []]
    assert [len(list(watch.concerned(None, after, cache))) for watch in watches] == [1, 1, 1, 0]
    assert [len(list(watch.concerned(before, moved, cache))) for watch in watches] == [0, 1, 1, 0]
