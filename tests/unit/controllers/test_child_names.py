# SPDX-License-Identifier: Apache-2.0
"""Names of all children of all kinds, before and now: from a policy's training to the pod of its version's gate."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from mlops_operator.api.common import VersionRef
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import Alias, Gate
from mlops_operator.api.modelmonitor import ModelMonitorSpec, WindowStatus
from mlops_operator.api.retrainpolicy import Decision, DecisionOutcome, DecisionReason
from mlops_operator.controllers.evaluation.render import job_names as evaluation_job
from mlops_operator.controllers.model.render import bootstrap_names, removal_job_names
from mlops_operator.controllers.modeldeployment import names as serving
from mlops_operator.controllers.modelmonitor.render import window_task
from mlops_operator.controllers.modelversion.render import verification
from mlops_operator.controllers.retrainpolicy.render import decision_children
from mlops_operator.controllers.shared.children import ChildNames, child_names, renamed
from mlops_operator.controllers.shared.former_names import former_name, former_version_name
from mlops_operator.controllers.shared.gates import evaluation_names
from mlops_operator.controllers.shared.indexes import VersionFact
from mlops_operator.controllers.shared.naming import MAX_LABEL
from mlops_operator.controllers.trainingjob import names as training
from mlops_operator.controllers.trainingjob.registration import version_name
from mlops_operator.kube.resources import (
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.work.identity import stamped
from tests.unit.controllers.builders import make
from tests.unit.controllers.every_pod import REMOVAL

DIGEST: Final = "sha256:" + "d" * 64
_HASH: Final = re.compile(r"[0-9a-f]{8,}")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_DATE: Final = re.compile(r"2026[0-9]{4}")


GATE: Final = Gate.model_validate(
    {"data": [{"name": "d", "uri": "pvc://d"}], "metrics": [{"name": "accuracy", "min": 0.9}]}
)
MONITOR: Final = ModelMonitorSpec.model_validate(
    {
        "target": {"deployment": "d"},
        "source": {"predictionLog": {"uri": "pvc://l"}},
        "window": {"size": "1h"},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}],
    }
)
WINDOW: Final = WindowStatus(start="2026-01-01T11:00:00Z", end="2026-01-01T12:00:00Z", version="v")
DECISION: Final = Decision(
    id="0b94beb9",
    trigger="fell",
    moment="m",
    time="2026-01-01T12:00:00Z",
    outcome=DecisionOutcome.STARTED,
    reason=DecisionReason.SIGNAL_ACTIVE,
    message="",
)
VERSION: Final = VersionFact("2026-01-01T00:00:00Z", "v", "v-uid", ready=True, rejected=False, digest=DIGEST)
REF: Final = VersionRef(name="v", uid="v-uid", digest=DIGEST)
REVISION: Final = "858c5d96"
MOMENT: Final = "2026-01-01T12:00:00Z"


def of(resource: Resource, made: ChildNames, child: Callable[[Manifest], ChildNames]) -> ChildNames:
    """The names of a child of an object that was made with one of the names of `made`."""
    now, before = (child(make(resource, name)) for name in made)
    return ChildNames(now.name, before.former)


def children_of(user: str) -> Mapping[str, ChildNames]:
    """Names of all that comes of objects which a user calls `user`."""
    made = decision_children(make(RETRAIN_POLICIES, user), DECISION)
    version = ChildNames(version_name(user, "t", DIGEST), former_version_name(user, "t", DIGEST))
    bootstrap = bootstrap_names(make(MODELS, user), Alias(name="champion", gate=GATE), VERSION)
    serves = make(MODEL_DEPLOYMENTS, user[:MAX_LABEL].rstrip("-").replace(".", "-"))
    found = {
        "training of a policy": made,
        "its attempt": of(TRAINING_JOBS, made, lambda obj: training.job_names(obj, 12)),
        "its ranks": of(TRAINING_JOBS, made, training.service_names),
        "attempt": training.job_names(make(TRAINING_JOBS, user), 12),
        "version": version,
        "its verification": of(MODEL_VERSIONS, version, lambda obj: verification(obj, 0).names),
        "promotion of a policy": made,
        "bootstrap": bootstrap,
        "removal": removal_job_names(make(MODELS, user), REMOVAL),
        "promotion": ChildNames(user, user),
        "window": window_task(make(MODEL_MONITORS, user), MONITOR, WINDOW).names,
        "servers": ChildNames(
            serving.deployment_name(serves, REVISION), former_name(serves, REVISION, max_length=MAX_LABEL)
        ),
        "autoscaler": ChildNames(serving.autoscaler_name(serves, None), child_names(serves).former),
        "budget": ChildNames(serving.budget_name(serves, None), child_names(serves).former),
        "candidate": serving.candidate_service_names(serves),
        "golden requests": serving.golden_job_names(serves, REVISION, MOMENT),
    }
    for what in ("promotion of a policy", "bootstrap", "promotion"):
        gate = of(PROMOTIONS, found[what], lambda obj: evaluation_names(obj, GATE, REF, None, recent_after=None))
        found[f"evaluation of {what}"] = gate
        found[f"measurement of {what}"] = of(EVALUATIONS, gate, evaluation_job)
    return found


def masked(name: str) -> str:
    """`name` with each hash as `#`."""
    words = name.split("-")
    return "-".join("#" if _HASH.fullmatch(word) and not _DATE.fullmatch(word) else word for word in words)


NAMES: Final = {
    # what it is: (before, now)
    "training of a policy": ("digits-#-#", "digits-#"),
    "its attempt": ("digits-#-#-#-12", "digits-12-#"),
    "its ranks": ("digits-#-#-#", "digits-#"),
    "attempt": ("digits-#-12", "digits-12-#"),
    "version": ("digits-#", "digits-#"),
    "its verification": ("digits-#-#-verify-0", "digits-verify-0-#"),
    "promotion of a policy": ("digits-#-#", "digits-#"),
    "evaluation of promotion of a policy": ("digits-#-#-#-#", "digits-#"),
    "measurement of promotion of a policy": ("digits-#-#-#-#-#-evaluate", "digits-evaluate-#"),
    "bootstrap": ("digits-#-champion-#", "digits-champion-#"),
    "removal": ("digits-#-remove-#-0", "digits-remove-0-#"),
    "evaluation of bootstrap": ("digits-#-champion-#-#-#", "digits-champion-#"),
    "measurement of bootstrap": ("digits-#-champion-#-#-#-evaluate", "digits-champion-evaluate-#"),
    "promotion": ("digits", "digits"),
    "evaluation of promotion": ("digits-#-#", "digits-#"),
    "measurement of promotion": ("digits-#-#-#-evaluate", "digits-evaluate-#"),
    "window": ("digits-#-#", "digits-20260101-1200-#"),
    "servers": ("digits-#-#", "digits-#"),
    "autoscaler": ("digits-#", "digits-#"),
    "budget": ("digits-#", "digits-#"),
    "candidate": ("digits-#-candidate", "digits-candidate-#"),
    "golden requests": ("digits-#-golden-#", "digits-golden-#"),
}

LONG: Final = "team-a-fraud-detection-gradient-boosting-with-features-of-the-last-seven-days-in-europe"
USERS: Final = ("d", "digits", "with.dots.v2", "nightly-20260101", "x" * 63, "y" * 200, LONG, f"{LONG}.{LONG}")


@pytest.mark.parametrize("what", NAMES)
def test_each_name_has_one_hash_where_it_had_one_for_each_ancestor(what: str) -> None:
    names = children_of("digits")[what]
    assert (masked(names.former), masked(names.name)) == NAMES[what]


def test_the_table_has_all_names() -> None:
    assert children_of("digits").keys() == NAMES.keys()


@pytest.mark.parametrize("user", USERS)
def test_names_fit_whatever_users_call_their_objects(user: str) -> None:
    for what, names in children_of(user).items():
        outlives = what in ("version", "bootstrap") or names.name == user
        form = _SUBDOMAIN if outlives else _LABEL
        assert form.fullmatch(names.name), what
        assert masked(names.name).split("-").count("#") <= 1, what
        assert names.name.startswith(user[0]), what


@pytest.mark.parametrize("user", USERS)
def test_a_rank_of_an_attempt_has_a_host_name(user: str) -> None:
    for what in ("attempt", "its attempt"):
        assert _LABEL.fullmatch(f"{children_of(user)[what].name}-9999")


def test_children_of_one_object_never_share_a_name() -> None:
    for user in USERS:
        found = children_of(user)
        jobs = [
            found[what].name for what in found if what.startswith(("measurement", "its ", "attempt", "window", "gold"))
        ]
        assert len(set(jobs)) == len(jobs)


# -- objects that have a former name ----------------------------------------------------------


def test_former_names_are_those_of_the_children_that_exist() -> None:
    assert former_name(make(EVALUATIONS, "gate", uid="0b6c1fd2"), "evaluate", max_length=63) == "gate-4ca77246-evaluate"
    assert len(former_name(make(EVALUATIONS, "a" * 80), "evaluate", max_length=63)) == 63
    cut = former_name(make(EVALUATIONS, "word-" + "b" * 80, uid="0b6c1fd2"), "evaluate", max_length=63)
    assert cut == "word-4ca77246-evaluate"


def named(name: str, *, created: str = MOMENT) -> Manifest:
    found = make(JOBS, name)
    found["metadata"]["creationTimestamp"] = created
    return found


NOW_AND_BEFORE: Final = ChildNames("digits-0-a123456789", "digits-0b94beb9-0")


def test_a_child_is_found_under_either_name() -> None:
    for name in NOW_AND_BEFORE:
        assert NOW_AND_BEFORE.of([named("other"), named(name)]) == name
    assert NOW_AND_BEFORE.find([named("other")]) is None
    assert NOW_AND_BEFORE.of([]) == NOW_AND_BEFORE.name


@pytest.mark.parametrize(("created", "which"), [("2026-01-01T11:59:59Z", 1), (MOMENT, 0), ("2026-01-01T12:00:01Z", 0)])
def test_of_two_the_older_one_is_the_child(created: str, which: int) -> None:
    """A user who may create Jobs cannot put another one in the place of the one that runs."""
    children = [named(NOW_AND_BEFORE.former, created=created), named(NOW_AND_BEFORE.name)]
    assert NOW_AND_BEFORE.of(children) == NOW_AND_BEFORE[which]


def test_a_child_counts_by_its_content_under_either_name_and_under_no_other() -> None:
    owner = make(RETRAIN_POLICIES, "policy")
    rendered = make(PROMOTIONS, NOW_AND_BEFORE.name, spec={"model": "m", "alias": "a", "version": "v"}, owner=owner)
    for name in NOW_AND_BEFORE:
        assert NOW_AND_BEFORE.is_child(rendered, stamped(renamed(rendered, name)))
        assert not NOW_AND_BEFORE.is_child(rendered, renamed(rendered, name))
        other = {**rendered, "spec": {**rendered["spec"], "version": "w"}}
        assert not NOW_AND_BEFORE.is_child(rendered, stamped(renamed(other, name)))
    assert not NOW_AND_BEFORE.is_child(rendered, stamped(renamed(rendered, "digits-1")))


@pytest.mark.parametrize("which", [0, 1])
def test_ranks_are_found_by_the_service_that_their_job_names(which: int) -> None:
    obj = make(TRAINING_JOBS, "digits")
    job = named(training.job_names(obj, 3)[which])
    assert training.service_name_of(obj, job, 3) == training.service_names(obj)[which]
    assert training.service_name_of(obj, None, 3) == training.service_names(obj).name
