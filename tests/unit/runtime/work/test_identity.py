# SPDX-License-Identifier: Apache-2.0
"""Which existing object counts as the child that would be created."""

import copy
from typing import Any

import pytest

from mlops_operator.api.evaluation import EvaluationSpec
from mlops_operator.api.meta import LABEL_GENERATION, Manifest
from mlops_operator.kube.resources import EVALUATIONS, JOBS, SERVICES, TRAINING_JOBS, Resource
from mlops_operator.runtime.work import identity
from mlops_operator.runtime.work.identity import ANNOTATION_RENDERED, is_rendered, rendered_digest, stamped

OWNER = {"apiVersion": "mlops-operator.io/v1alpha1", "kind": "Promotion", "name": "p", "uid": "u1", "controller": True}
EVALUATION: Manifest = {
    "candidate": "v2",
    "data": [{"name": "rows", "uri": "pvc://data/rows.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.9}],
}


def manifest(resource: Resource, spec: Manifest, *, owner: Manifest | None = OWNER, **metadata: Any) -> Manifest:
    result = resource.manifest(name="child", namespace="ns")
    result["metadata"] |= metadata
    if owner is not None:
        result["metadata"]["ownerReferences"] = [owner]
    result["spec"] = copy.deepcopy(spec)
    return result


def stored(rendered: Manifest, **spec: Any) -> Manifest:
    """The object as the API server has it after the executor created it, with fields of the spec changed."""
    found = copy.deepcopy(stamped(rendered))
    found["metadata"] |= {"uid": "child-uid", "resourceVersion": "7"}
    found["spec"] |= spec
    return found


def test_what_was_created_is_recognized_with_the_defaults_of_the_api_server() -> None:
    rendered = manifest(EVALUATIONS, EVALUATION)
    defaulted = {"name": "accuracy", "min": 0.9, "minCount": 200}
    assert is_rendered(rendered, stored(rendered))
    assert is_rendered(rendered, stored(rendered, metrics=[defaulted], taskPods={"resources": {}}))


@pytest.mark.parametrize(
    "forged",
    [
        {"metrics": [{"name": "accuracy", "min": -1000, "minCount": 1}]},
        {"metrics": [{"name": "accuracy", "min": 0.9, "minCount": 1}]},
        {"metrics": [*EVALUATION["metrics"], {"name": "f1_macro", "min": 0}]},
        {"baseline": "v1"},
        {"candidate": "v3"},
        {"image": "registry.example/evil:1"},
        {"data": [{"name": "rows", "uri": "pvc://data/easy.npz"}]},
        {"unknown": 1},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_another_spec_is_another_object_whatever_its_owner_and_its_digest_say(forged: Manifest) -> None:
    rendered = manifest(EVALUATIONS, EVALUATION)
    assert not is_rendered(rendered, stored(rendered, **forged))


def test_an_object_without_the_digest_was_not_created_by_the_operator() -> None:
    rendered = manifest(EVALUATIONS, EVALUATION)
    found = stored(rendered)
    del found["metadata"]["annotations"]
    assert not is_rendered(rendered, found)
    found["metadata"]["annotations"] = {ANNOTATION_RENDERED: "sha256:" + "0" * 64}
    assert not is_rendered(rendered, found)


@pytest.mark.parametrize("resource", [EVALUATIONS, JOBS, SERVICES], ids=str)
@pytest.mark.parametrize("owner", [None, {**OWNER, "uid": "u2"}, {**OWNER, "controller": False}])
def test_another_owner_is_another_object(resource: Resource, owner: Manifest | None) -> None:
    rendered = manifest(resource, EVALUATION if resource == EVALUATIONS else {"a": 1})
    assert not is_rendered(rendered, stored(manifest(resource, rendered["spec"], owner=owner)))


def test_the_digest_is_of_the_content_and_holds_over_defaults_and_metadata() -> None:
    rendered = manifest(EVALUATIONS, EVALUATION)
    assert rendered_digest(rendered) == rendered_digest(manifest(EVALUATIONS, EVALUATION, labels={"a": "b"}))
    assert rendered_digest(rendered) == rendered_digest(manifest(EVALUATIONS, {**EVALUATION, "taskPods": {}}))
    assert rendered_digest(rendered) != rendered_digest(manifest(EVALUATIONS, {**EVALUATION, "candidate": "v3"}))
    assert rendered_digest(rendered) != rendered_digest(manifest(EVALUATIONS, EVALUATION, owner=None))


def test_the_digest_outlives_a_release_that_adds_a_field_with_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    class LaterSpec(EvaluationSpec):
        added: int = 1

    rendered = manifest(EVALUATIONS, EVALUATION)
    before = rendered_digest(rendered)
    monkeypatch.setitem(identity._SPECS, "Evaluation", LaterSpec)
    assert rendered_digest(rendered) == before


@pytest.mark.parametrize(
    ("api_version", "kind"), [("other.example/v1", "Evaluation"), ("mlops-operator.io/v1alpha1", "Unknown")]
)
def test_the_kind_of_another_group_and_an_unknown_kind_of_ours_count_by_their_owner(
    api_version: str, kind: str
) -> None:
    rendered = {**manifest(EVALUATIONS, EVALUATION), "apiVersion": api_version, "kind": kind}
    assert is_rendered(rendered, stored(rendered, candidate="v3"))


def test_stamping_keeps_the_manifest_and_its_annotations() -> None:
    rendered = manifest(JOBS, {"a": 1}, annotations={"other": "x"})
    before = copy.deepcopy(rendered)
    assert set(stamped(rendered)["metadata"]["annotations"]) == {"other", ANNOTATION_RENDERED}
    assert rendered == before


@pytest.mark.parametrize(("found", "ours"), [("1", True), ("2", False), ("3", False), ("zz", True), ("-1", True)])
def test_a_job_of_an_earlier_generation_is_ours_though_it_was_rendered_differently(found: str, ours: bool) -> None:
    former = stored(manifest(JOBS, {"image": "a"}, labels={LABEL_GENERATION: found}))
    rendered = manifest(JOBS, {"image": "b"}, labels={LABEL_GENERATION: "2"})
    assert is_rendered(rendered, former) is ours


def test_a_job_with_defaults_and_changes_by_admission_is_ours_by_its_digest() -> None:
    rendered = manifest(JOBS, {"template": {"spec": {"tolerations": []}}}, labels={LABEL_GENERATION: "1"})
    assert is_rendered(rendered, stored(rendered, template={"spec": {"tolerations": [{"key": "spot"}]}}))


def test_a_child_that_every_plan_corrects_is_ours_by_its_owner() -> None:
    rendered = manifest(SERVICES, {"selector": {"revision": "b"}})
    assert is_rendered(rendered, stored(manifest(SERVICES, {"selector": {"revision": "a"}})))


def test_a_training_that_was_suspended_by_a_queue_is_still_ours() -> None:
    spec: Manifest = {"image": "example/train:1", "suspend": False}
    rendered = manifest(TRAINING_JOBS, spec)
    assert is_rendered(rendered, stored(rendered, suspend=True))
    assert not is_rendered(rendered, stored(rendered, image="example/train:2"))


def test_another_spelling_of_a_quantity_is_the_same_child() -> None:
    one = manifest(EVALUATIONS, {**EVALUATION, "resources": {"requests": {"cpu": "20m", "memory": "128Mi"}}})
    other = manifest(EVALUATIONS, {**EVALUATION, "resources": {"requests": {"cpu": "0.02", "memory": "131072Ki"}}})
    more = manifest(EVALUATIONS, {**EVALUATION, "resources": {"requests": {"cpu": "21m", "memory": "128Mi"}}})
    assert is_rendered(other, stored(one))
    assert not is_rendered(more, stored(one))
    job, again = (
        manifest(JOBS, {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": cpu}}}]}}})
        for cpu in ("1", "1000m")
    )
    assert rendered_digest(job) == rendered_digest(again)
