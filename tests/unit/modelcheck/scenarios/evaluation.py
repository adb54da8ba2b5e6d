# SPDX-License-Identifier: Apache-2.0
"""An Evaluation of one version against another."""

from collections import Counter
from collections.abc import Iterator
from operator import methodcaller

from mlops_contract.models.result import Result
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.evaluation.controller import EvaluationController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import EVALUATIONS, JOBS, MODEL_VERSIONS
from tests.harness.evaluations import counts_of_rule, figures_of_rule
from tests.unit.controllers.versions import model_version
from tests.unit.modelcheck.apiserver import ApiServer
from tests.unit.modelcheck.items import Id
from tests.unit.modelcheck.scenarios.base import Base, create, deletions, run_uid, status_of
from tests.unit.modelcheck.state import Happening

NAME, CANDIDATE, BASELINE = "b-vs-a", "digits-b", "digits-a"
FINAL = frozenset({"Succeeded", "Failed"})
SPEC: Manifest = {
    "candidate": CANDIDATE,
    "baseline": BASELINE,
    "data": [{"name": "holdout", "uri": "pvc://data/holdout.npz"}],
    "metrics": [{"name": "accuracy", "change": {"min": 0.0, "confidence": 0.95}}],
}


class Measuring(Base):
    """One Evaluation; the candidate becomes ready only after a while."""

    name = "evaluation"
    terminal = {EVALUATIONS: FINAL}
    waits = (30,)

    def __init__(self) -> None:
        self.controllers = (EvaluationController(Settings()),)

    def begin(self, server: ApiServer) -> None:
        server.create(MODEL_VERSIONS, model_version(BASELINE))
        server.create(MODEL_VERSIONS, model_version(CANDIDATE, ready=False))
        self.ask(server)

    def ask(self, server: ApiServer) -> None:
        """A person makes the Evaluation."""
        create(server, EVALUATIONS, NAME, SPEC, status={"observedGeneration": -1})

    def cluster(self, server: ApiServer) -> Iterator[Happening]:
        yield from super().cluster(server)
        for item in server.all(MODEL_VERSIONS):
            good = model_version(item.id.name)["status"]
            if status_of(item) != good:
                yield Happening(f"{item.id} becomes ready", methodcaller("report", item, good))

    def people(self, server: ApiServer) -> Iterator[Happening]:
        yield from deletions(server.all(JOBS))
        yield from deletions(server.all(EVALUATIONS), held=(False,))
        yield from deletions(server.all(MODEL_VERSIONS), held=(False,))
        if Id(EVALUATIONS, NAME) not in server.items:
            yield Happening("a person makes the Evaluation again", self.ask)
        if not server.refused:
            yield Happening("a quota refuses Jobs", methodcaller("refuse", "Job"))

    def message(self, job: Manifest) -> str:
        return Result(
            uid=run_uid(job),
            metrics=figures_of_rule(0, 0.95, 0.75),
            counts=counts_of_rule(0, 898),
            data=({"name": "holdout", "digest": "sha256:" + "d" * 64},),
        ).to_message()

    def check(self, server: ApiServer) -> None:
        jobs = Counter(job.owner for job in server.all(JOBS))
        assert max(jobs.values(), default=0) <= 1, f"an Evaluation has two Jobs: {jobs}"

    def check_rest(self, server: ApiServer) -> None:
        there = {item.id.name for item in server.all(MODEL_VERSIONS)} >= {CANDIDATE, BASELINE}
        for item in server.all(EVALUATIONS):
            phase = status_of(item).get("phase")
            assert phase in FINAL or not there, f"{item} rests in {phase}"


def small() -> list[Measuring]:
    """The worlds that are walked."""
    return [Measuring()]
