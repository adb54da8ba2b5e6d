# SPDX-License-Identifier: Apache-2.0
"""The generated CRDs on a real API server: accepted, and refusing what the models say they refuse."""

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from localcluster import Cluster
from mlops_operator.api.kind import Kind
from mlops_operator.api.meta import API_VERSION, GROUP, VERSION, Manifest
from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.crd.definition import custom_resource_definition, object_schema
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import StatusError
from mlops_operator.kube.resources import CUSTOM_RESOURCE_DEFINITIONS, Resource
from tests.harness.clusters import own_cluster
from tests.harness.crds import install_crds
from tests.integration.crd_cases.mutations import CASES, Mutation, mutations

NAMESPACE = "default"

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of its own: the objects of these tests are not meant for an operator."""
    with own_cluster("crds") as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    async with Client(load_config(cluster.kubeconfig), user_agent="test") as client:
        await install_crds(client)
        yield client


async def true_conditions(client: Client, kind: Kind) -> set[str]:
    definition = await client.get(CUSTOM_RESOURCE_DEFINITIONS, name=f"{kind.plural}.{GROUP}")
    conditions = definition["status"].get("conditions") or ()
    return {condition["type"] for condition in conditions if condition["status"] == "True"}


def resource(kind: Kind) -> Resource:
    return Resource(GROUP, VERSION, kind.plural, kind.kind)


def manifest(kind: Kind, spec: Any, name: str = "case") -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": copy.deepcopy(spec),
    }


def merged(value: Any, change: Any) -> Any:
    """JSON merge patch (RFC 7396)."""
    if not isinstance(change, dict):
        return change
    result = dict(value) if isinstance(value, dict) else {}
    for key, entry in change.items():
        if entry is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), entry)
    return result


async def create(client: Client, kind: Kind, obj: Manifest, *, dry_run: bool = True) -> Manifest:
    query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
    return await client.request("POST", resource(kind).path(namespace=NAMESPACE), query=query, body=obj)


async def refusal(client: Client, kind: Kind, obj: Manifest) -> StatusError:
    with pytest.raises(StatusError) as caught:
        await create(client, kind, obj)
    return caught.value


def causes(error: StatusError) -> list[tuple[str, str]]:
    """(field, message) of each cause."""
    details = error.details
    return [(cause.get("field", ""), cause.get("message", "")) for cause in details.get("causes") or ()]


@by_kind
async def test_established_and_structural(client: Client, kind: Kind) -> None:
    assert await true_conditions(client, kind) == {"NamesAccepted", "Established"}


async def names_by_owner(client: Client) -> dict[bool, set[str]]:
    """Every name that kubectl takes for a resource: True for this project's, False for the API server's own."""
    groups = (await client.request("GET", "/apis"))["groups"]
    versions = ["api/v1", *(f"apis/{version['groupVersion']}" for group in groups for version in group["versions"])]
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for version in versions:
        for entry in (await client.request("GET", f"/{version}"))["resources"]:
            if "/" not in entry["name"]:  # no subresource
                names = {entry["name"], entry["singularName"], *entry.get("shortNames", ())}
                found[version.startswith(f"apis/{GROUP}/")] |= names
    return found


async def test_no_name_is_one_of_the_api_servers_own(client: Client) -> None:
    """`kubectl get ev` lists Events, whatever a definition says: built-in resources come first."""
    names = await names_by_owner(client)
    assert {"ev", "deploy", "events"} <= names[False]
    assert {short for kind in KINDS for short in kind.short_names} <= names[True]
    assert names[True] & names[False] == set()


@by_kind
async def test_stored_as_generated(client: Client, kind: Kind) -> None:
    """The server neither drops nor rewrites anything: an apply of the same file again changes nothing."""
    stored = await client.get(CUSTOM_RESOURCE_DEFINITIONS, name=f"{kind.plural}.{GROUP}")
    assert stored["spec"]["versions"] == custom_resource_definition(kind)["spec"]["versions"]
    again = await client.apply(CUSTOM_RESOURCE_DEFINITIONS, custom_resource_definition(kind))
    assert again["metadata"]["generation"] == stored["metadata"]["generation"]


@by_kind
async def test_valid_objects_are_taken_and_read_back_the_same(client: Client, kind: Kind) -> None:
    for spec in CASES[kind.plural]["valid"]:
        stored = await create(client, kind, manifest(kind, spec))
        assert kind.spec.model_validate(stored["spec"]) == kind.spec.model_validate(spec)


@by_kind
async def test_a_new_object_is_in_progress_before_the_operator_has_seen_it(client: Client, kind: Kind) -> None:
    obj = manifest(kind, CASES[kind.plural]["valid"][0], name="unwritten")
    await create(client, kind, obj, dry_run=False)
    stored = await client.get(resource(kind), namespace=NAMESPACE, name="unwritten")
    assert stored["status"] == {"observedGeneration": -1}
    assert not kind.status.of(stored).written


@by_kind
async def test_refused_objects_say_which_field_and_which_rule(client: Client, kind: Kind) -> None:
    base = CASES[kind.plural]["valid"][0]
    for case in CASES[kind.plural]["refused"]:
        obj = manifest(kind, merged(base, case.get("change", {})), name=case.get("name", "case"))
        error = await refusal(client, kind, obj)
        found = causes(error)
        assert any(field == case["field"] and case["message"] in message for field, message in found), (case, found)


@by_kind
async def test_refused_updates_say_why(client: Client, kind: Kind) -> None:
    cases = CASES[kind.plural]
    for number, case in enumerate(cases.get("updates", ())):
        before = merged(cases["valid"][0], case["from"])
        name = f"update-{number}"
        stored = await create(client, kind, manifest(kind, before, name=name), dry_run=False)
        with pytest.raises(StatusError) as caught:
            await update(client, kind, stored, merged(before, case["to"]))
        found = causes(caught.value)
        assert any(field == case["field"] and case["message"] in message for field, message in found), (case, found)


@by_kind
async def test_allowed_updates_are_taken(client: Client, kind: Kind) -> None:
    cases = CASES[kind.plural]
    for number, case in enumerate(cases["allowed"]):
        before = merged(cases["valid"][0], case["from"])
        stored = await create(client, kind, manifest(kind, before, name=f"allowed-{number}"), dry_run=False)
        await update(client, kind, stored, merged(before, case["to"]))


async def update(client: Client, kind: Kind, stored: Manifest, spec: Any) -> None:
    path = resource(kind).path(namespace=NAMESPACE, name=stored["metadata"]["name"])
    await client.request("PUT", path, query={"dryRun": "All"}, body={**stored, "spec": spec})


@by_kind
async def test_every_constraint_of_every_field_is_enforced(client: Client, kind: Kind) -> None:
    """Each field in turn is given a value of another type, out of bounds, unlisted, missing or unknown."""
    schema = object_schema(kind)["properties"]["spec"]
    tried = [mutation for spec in CASES[kind.plural]["valid"] for mutation in mutations(spec, schema)]
    limit = asyncio.Semaphore(16)

    async def accepted(mutation: Mutation) -> str | None:
        async with limit:
            try:
                await create(client, kind, manifest(kind, mutation.spec))
            except StatusError as error:
                named = [field for field, _ in causes(error)] or [error.message]
                return None if any(mutation.field in field for field in named) else f"{mutation}: {error.message}"
        return f"{mutation}: accepted"

    found = await asyncio.gather(*map(accepted, tried))
    assert [problem for problem in found if problem] == []
    assert len(tried) > 10


@by_kind
async def test_a_misspelled_field_is_refused(client: Client, kind: Kind) -> None:
    error = await refusal(client, kind, manifest(kind, {**CASES[kind.plural]["valid"][0], "mispelled": 1}))
    assert 'unknown field "spec.mispelled"' in error.message


@by_kind
async def test_kubectl_columns_are_printed(client: Client, kind: Kind) -> None:
    """The server's own table has the columns, and no path of theirs is at odds with the schema."""
    path = resource(kind).path(namespace=NAMESPACE)
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    async with client.session.get(client.url(path), headers={"Accept": accept}) as response:
        table = await response.json()
    names = [column["name"] for column in table["columnDefinitions"]]
    assert names == ["Name", *(column.name for column in kind.printer_columns)]
    assert table["rows"]


async def test_scale_of_a_model_deployment(client: Client) -> None:
    kind = next(kind for kind in KINDS if kind.scale is not None)
    spec = {**CASES[kind.plural]["valid"][0], "replicas": 2}
    await create(client, kind, manifest(kind, spec, name="scaled"), dry_run=False)
    path = resource(kind).path(namespace=NAMESPACE, name="scaled", subresource="scale")
    scale = await client.request("GET", path)
    assert scale["spec"] == {"replicas": 2}
    await client.request("PUT", path, body={**scale, "spec": {"replicas": 3}})
    stored = await client.get(resource(kind), namespace=NAMESPACE, name="scaled")
    assert stored["spec"]["replicas"] == 3
