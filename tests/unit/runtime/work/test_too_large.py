# SPDX-License-Identifier: Apache-2.0
"""A child that is larger than the API server or its store takes: a rejection, in words that help."""

from typing import Any

import pytest

from mlops_operator.kube import errors
from mlops_operator.runtime.work.answers import Rejected
from mlops_operator.runtime.work.plan import Action, Apply, Create, Patch
from tests.harness.gadgets import CONFIG_MAPS
from tests.harness.stub_server import failure
from tests.unit.runtime.work.executor_world import APPLY, CREATE, DELETE, PATCH, World, child

ETCD = "etcdserver: request is too large"
GRPC = "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2098000 vs. 2097152)"
TOO_LONG = {"causes": [{"reason": "FieldValueTooLong", "field": "metadata.annotations"}]}


async def refused(world: World, action: Action, code: int, message: str, **details: Any) -> Rejected:
    for method in ("POST", "PATCH", "DELETE"):
        world.server.on(method, failure(code, "", message, **details))
    with pytest.raises(Rejected) as caught:
        await world.do(action, status={"phase": "Done"})
    assert len(world.server.requests) == 1, "the status was not touched, and nothing is repeated"
    return caught.value


@pytest.mark.parametrize("action", [CREATE, APPLY, PATCH], ids=["create", "apply", "patch"])
@pytest.mark.parametrize(
    ("code", "message", "limit"),
    [
        (413, "Request entity too large: limit is 3145728", "the API server takes requests of 3145728 bytes"),
        (422, "metadata.annotations: Too long", "a field has a limit of its own"),
        (500, ETCD, "etcd by default takes 1572864 bytes"),
        (500, GRPC, "etcd by default takes 1572864 bytes"),
        (503, ETCD, "etcd by default takes 1572864 bytes"),
    ],
    ids=["request", "field", "etcd", "grpc", "etcd by another code"],
)
async def test_what_is_too_large_is_a_rejection(
    world: World, action: Action, code: int, message: str, limit: str
) -> None:
    rejection = (await refused(world, action, code, message, **(TOO_LONG if code == 422 else {}))).rejection
    assert (rejection.code, rejection.reason, rejection.action) == (422, "TooLarge", action)
    assert rejection.message.startswith("ConfigMap child in namespace ns is too large, ")
    for words in (limit, "shorten the spec", f"({message})"):
        assert words in rejection.message


@pytest.mark.parametrize(
    "wrap",
    [
        lambda manifest: Create(resource=CONFIG_MAPS, manifest=manifest),
        lambda manifest: Apply(resource=CONFIG_MAPS, manifest=manifest),
        lambda manifest: Patch.of(CONFIG_MAPS, child(6), manifest),
    ],
    ids=["create", "apply", "patch"],
)
async def test_the_size_is_that_of_what_was_sent(world: World, wrap: Any) -> None:
    sizes = []
    for length in (0, 1000):
        error = await refused(world, wrap({**child(), "data": {"text": "x" * length}}), 500, ETCD)
        world.server.requests.clear()
        sizes.append(int(error.rejection.message.split(" bytes as sent")[0].rsplit(" ", 1)[1]))
    assert sizes[1] - sizes[0] == 1000


UID_LABEL = "batch.kubernetes.io/controller-uid"


@pytest.mark.parametrize(
    ("labels", "field", "reason"),
    [
        ({}, f"spec.template.metadata.labels[{UID_LABEL}]", "TooLarge"),
        ({"app": "x"}, "spec.template.metadata.labels[controller-uid]", "TooLarge"),
        ({UID_LABEL: "x"}, f"spec.template.metadata.labels[{UID_LABEL}]", ""),
        ({}, "spec.template.metadata.labels[app]", ""),
    ],
    ids=["label", "old label", "a label of the template's own", "another label"],
)
async def test_a_job_that_the_server_tried_twice_is_too_large(
    world: World, labels: dict[str, str], field: str, reason: str
) -> None:
    create = Create(resource=CONFIG_MAPS, manifest={**child(), "spec": {"template": {"metadata": {"labels": labels}}}})
    causes = [{"reason": "FieldValueInvalid", "field": field}]
    rejection = (await refused(world, create, 422, "must be 'a52f'", causes=causes)).rejection
    assert rejection.reason == reason
    assert ("etcd by default takes 1572864 bytes" in rejection.message) is (reason == "TooLarge")


async def test_a_deletion_has_no_size(world: World) -> None:
    assert "bytes as sent" not in str(await refused(world, DELETE, 413, "no"))


@pytest.mark.parametrize(
    ("code", "message"), [(500, "etcdserver: request timed out"), (429, ETCD), (504, "too many requests")]
)
async def test_other_faults_of_the_server_are_tried_again(world: World, code: int, message: str) -> None:
    world.server.on("POST", failure(code, "", message, retryAfterSeconds=0.0))
    with pytest.raises(errors.StatusError):
        await world.do(CREATE)


async def test_another_invalid_object_keeps_the_servers_words(world: World) -> None:
    causes = {"causes": [{"reason": "FieldValueRequired", "field": "spec"}]}
    rejection = (await refused(world, CREATE, 422, "spec: Required value", **causes)).rejection
    assert (rejection.message, rejection.reason) == ("spec: Required value", "")
