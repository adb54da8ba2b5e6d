# SPDX-License-Identifier: Apache-2.0
"""Two server-side-apply managers with the same file do not conflict, for every example and every valid object."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.generated import ROOT
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import OWN
from tests.harness.console import commands
from tests.harness.crds import install_crds
from tests.integration.crd_cases.mutations import CASES

RESOURCES = {resource.kind: resource for resource in OWN}
FENCE = re.compile(r"^( *)```ya?ml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
HERE_DOCUMENT = re.compile(r"^kubectl (?:apply|create) -f - <<(\w+)\n(.*)^\1$", re.MULTILINE | re.DOTALL)
SUBSTITUTED = re.compile(r"\$\(.*?\)|\$\w+")


def documents(text: str) -> Iterator[Manifest]:
    """The complete objects of this operator's kinds in YAML."""
    for document in yaml.safe_load_all(text):
        if isinstance(document, dict) and document.get("apiVersion") == API_VERSION and "spec" in document:
            yield document


def blocks(page: str) -> Iterator[str]:
    """The YAML of a page: its blocks, also those in lists, and what its commands pipe to kubectl."""
    for indent, block in FENCE.findall(page):
        yield re.sub(f"^{indent}", "", block, flags=re.MULTILINE)
    for command in commands(page):
        if found := HERE_DOCUMENT.match(command):
            yield SUBSTITUTED.sub("substituted", found[2])


def examples() -> Iterator[tuple[str, Manifest]]:
    """Every object in an example, or in a page of the documentation, with the place where it stands."""
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        for number, found in enumerate(documents(path.read_text())):
            yield f"{path.relative_to(ROOT)} {number}", found
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        for number, block in enumerate(blocks(path.read_text())):
            for found in documents(block):
                yield f"{path.relative_to(ROOT)} {number}", found


def valid_objects() -> Iterator[tuple[str, Manifest]]:
    """Every valid object of the cases of the definitions."""
    for kind in KINDS:
        for number, spec in enumerate(CASES[kind.plural]["valid"]):
            yield f"{kind.plural} {number}", {"apiVersion": API_VERSION, "kind": kind.kind, "spec": spec}


FILES = [*examples(), *valid_objects()]


@pytest.fixture
async def served(client: Client) -> Client:
    await install_crds(client)
    return client


async def apply(client: Client, manifest: Manifest, *, manager: str) -> Manifest:
    """Apply as `kubectl apply --server-side --field-manager=...` does, without force."""
    metadata = manifest["metadata"]
    path = RESOURCES[manifest["kind"]].path(namespace=metadata["namespace"], name=metadata["name"])
    query = {"fieldManager": manager, "force": "false"}
    return await client.request("PATCH", path, query=query, body=manifest, content_type="application/apply-patch+yaml")


def test_there_are_examples_of_all_kinds() -> None:
    assert {found["kind"] for _, found in examples()} >= {"TrainingJob", "Model", "ModelDeployment", "ModelMonitor"}
    assert {place.partition(" ")[0] for place, _ in examples()} >= {
        "docs/getting-started/tutorial.md",
        "docs/how-to/gate.md",
        "docs/how-to/undo.md",
    }
    assert {found["kind"] for _, found in valid_objects()} == {kind.kind for kind in KINDS}


async def test_a_second_manager_with_the_same_file_changes_nothing(served: Client, namespace: str) -> None:
    for number, (place, found) in enumerate(FILES):
        metadata: dict[str, Any] = {"name": f"case-{number}", "namespace": namespace}
        manifest = {**found, "metadata": metadata}
        first = await apply(served, manifest, manager="a")
        second = await apply(served, manifest, manager="b")
        assert second["metadata"]["generation"] == first["metadata"]["generation"] == 1, place
        assert second["spec"] == first["spec"], place
