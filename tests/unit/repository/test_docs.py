# SPDX-License-Identifier: Apache-2.0
"""The documentation: links, indexes, numbered records, diagrams, and the syntax of its examples."""

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.docs import diagrams
from tools.docs.__main__ import configuration, loaded_from_elsewhere
from tools.docs.markdown import anchors, links, with_links
from tools.docs.navigation import NotInIndex, navigation, paths
from tools.docs.stage import place, stage

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
PAGES = [
    path
    for line in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if (path := ROOT / line).exists()
]
RECORDS = sorted((DOCS / "design").glob("[0-9]*.md"))


@cache
def _anchors(path: Path) -> set[str]:
    return anchors(path.read_text())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    broken = []
    for target in links(path.read_text()):
        name, _, fragment = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        if not there.exists() or (fragment and there.suffix == ".md" and fragment not in _anchors(there)):
            broken.append(target)
    assert not broken


def test_links_are_found_and_rewritten_outside_of_code() -> None:
    page = "[a](b.md#c)\n`[x](y)`\n```text\n[d](e)\n```\n[f](https://example.org) [g](#h) ![i](j.svg)\n"
    assert links(page) == ["b.md#c", "#h", "j.svg"]
    assert with_links(page, lambda target: f"../{target}") == page.replace("b.md", "../b.md").replace(
        "(#h)", "(../#h)"
    ).replace("(j.svg)", "(../j.svg)")


def test_headings_have_the_anchors_of_github() -> None:
    page = "# What `x` does\n```text\n# no heading\n```\n## A, b\n## [A, b](c.md)\n"
    assert anchors(page) == {"what-x-does", "a-b", "a-b-1"}


def test_every_page_is_in_the_navigation_and_none_twice() -> None:
    found = paths(navigation(ROOT))
    assert sorted(found) == sorted({str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")})


def test_a_page_that_no_index_lists_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "docs" / "how-to").mkdir(parents=True)
    (tmp_path / "docs" / "README.md").write_text("# Home\n")
    (tmp_path / "docs" / "how-to" / "README.md").write_text("# How\n\n[a](a.md)\n")
    for name in ("a", "b"):
        (tmp_path / "docs" / "how-to" / f"{name}.md").write_text(f"# {name}\n")
    with pytest.raises(NotInIndex, match=r"how-to/b\.md"):
        navigation(tmp_path)


def test_the_configuration_of_the_site_is_valid_and_has_the_navigation() -> None:
    project = tomllib.loads(configuration(navigation(ROOT)))["project"]
    assert project["nav"][0] == {"Home": "README.md"}
    assert project["docs_dir"] == "pages"


def test_files_that_pages_link_to_become_pages(tmp_path: Path) -> None:
    root, out = tmp_path / "repository", tmp_path / "out"
    (root / "docs" / "how-to").mkdir(parents=True)
    (root / "examples").mkdir()
    (root / "examples" / "a.yaml").write_text("a: 1\n")
    (root / "SECURITY.md").write_text("# Security\n\n[how](docs/how-to/x.md)\n")
    (root / "docs" / "how-to" / "x.md").write_text(
        "# X\n\n[a](../../examples/a.yaml) [s](../../SECURITY.md#security)\n"
    )
    stage(root, out, {Path("docs/how-to/x.md")})
    assert (
        out / "how-to" / "x.md"
    ).read_text() == "# X\n\n[a](../source/examples/a.yaml.md) [s](../project/SECURITY.md#security)\n"
    assert "````yaml\na: 1\n````" in (out / "source" / "examples" / "a.yaml.md").read_text()
    assert "[how](../how-to/x.md)" in (out / "project" / "SECURITY.md").read_text()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("docs/how-to/x.md", "how-to/x.md"),
        ("docs/design", "design/README.md"),
        ("SECURITY.md", "project/SECURITY.md"),
        ("bench/results/README.md", "source/bench/results/README.md"),
        ("examples/digits", "source/examples/digits.md"),
    ],
)
def test_each_file_has_one_place_on_the_site(source: str, target: str) -> None:
    assert place(Path(source)) == Path(target)


def test_a_page_that_loads_from_another_host_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="https://example.org"></a><script src="https://cdn.example.org/x.js"></script>'
    )
    assert loaded_from_elsewhere(tmp_path) == ["a.html: https://cdn.example.org/x.js"]


@pytest.mark.parametrize("path", sorted(diagrams.SOURCES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_diagram_is_that_of_its_source(path: Path) -> None:
    assert path.with_suffix(".svg").read_text() == diagrams.draw(tomllib.loads(path.read_text()))


def test_a_diagram_escapes_text_and_refuses_boxes_that_do_not_exist() -> None:
    boxes = {"a": {"text": "a < b", "at": [0, 0]}, "b": {"text": "b", "at": [1, 1], "kind": "data"}}
    drawn = diagrams.draw({"box": boxes, "arrow": [{"from": "a", "to": "b", "text": "to"}]})
    assert "a &lt; b" in drawn
    with pytest.raises(KeyError):
        diagrams.draw({"box": boxes, "arrow": [{"from": "a", "to": "c"}]})


def test_records_of_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_a_status_and_a_date_and_is_in_the_index(path: Path) -> None:
    text = path.read_text()
    title = text.partition("\n")[0].removeprefix("# ")
    found = re.match(r"# .+\n\n- Status: (\w[^\n]*)\n- Date: (\d{4}-\d\d-\d\d)", text)
    assert found, "a record begins with its title, its status and its date"
    line = f"| {path.name[:4]} | [{title}]({path.name}) | {found[1]} | {found[2]} |"
    assert line in (DOCS / "design" / "README.md").read_text()


def _blocks(path: Path, language: str) -> list[str]:
    """Contents of a page's code blocks, also of those in lists."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", path.read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def _documents() -> list[tuple[str, Any]]:
    return [
        (str(path.relative_to(ROOT)), document)
        for path in sorted(DOCS.rglob("*.md"))
        for block in _blocks(path, "yaml")
        for document in yaml.safe_load_all(block)
    ]


def test_every_yaml_block_is_yaml() -> None:
    assert len(_documents()) > 30


def test_objects_of_flux_and_argo_cd_have_the_fields_that_they_need() -> None:
    objects = [document for _, document in _documents() if isinstance(document, dict)]
    kustomizations = [found for found in objects if found.get("kind") == "Kustomization" and "spec" in found]
    assert kustomizations
    for found in kustomizations:
        assert found["apiVersion"] == "kustomize.toolkit.fluxcd.io/v1"
        assert {"interval", "prune", "sourceRef"} <= found["spec"].keys()
        assert {"kind", "name"} <= found["spec"]["sourceRef"].keys()
    applications = [found for found in objects if found.get("kind") == "Application"]
    assert applications
    for found in applications:
        assert found["apiVersion"] == "argoproj.io/v1alpha1"
        assert {"project", "source", "destination"} <= found["spec"].keys()
        assert {"repoURL", "path", "targetRevision"} <= found["spec"]["source"].keys()


def test_the_health_check_for_argo_cd_is_balanced_lua() -> None:
    (script,) = [
        value["resource.customizations"]
        for _, document in _documents()
        if isinstance(document, dict) and isinstance(value := document.get("data"), dict)
        if "resource.customizations" in value
    ]
    lua = yaml.safe_load(script)["mlops-operator.io/*"]["health.lua"]
    opened = len(re.findall(r"\b(if|for|function)\b", lua))
    assert opened == len(re.findall(r"\bend\b", lua))
    assert lua.count("(") == lua.count(")")
    assert lua.rstrip().endswith("return health")
