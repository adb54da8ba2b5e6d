# SPDX-License-Identifier: Apache-2.0
"""What goes into the images: lock files, sources, recipes."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from images import catalog, debian, python
from images import lock as lock_files
from images.build import Builder
from images.debian import Package
from images.errors import ImageBuildError

LOCKS = sorted(catalog.REPOSITORY.glob("images/*/requirements.lock.txt"))


def lock(folder: Path, *entries: str) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.txt"
    path.write_text(
        "# made by a tool\n" + "".join(f"{entry} \\\n    --hash=sha256:00\n    # via x\n" for entry in entries)
    )
    return path


def test_a_lock_file_is_read_entry_by_entry(tmp_path: Path) -> None:
    entries = python.read_lock(lock(tmp_path, "Numpy==2.4.6", "joblib==1.6.0"))

    assert [(entry.name, entry.version) for entry in entries] == [("numpy", "2.4.6"), ("joblib", "1.6.0")]
    assert "--hash=sha256:00" in entries[0].text


@pytest.mark.parametrize("line", ["numpy>=2", "numpy==2.4.6", "-e .", "--index-url somewhere"])
def test_what_is_not_pinned_and_hashed_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "lock.txt").write_text(f"{line}\n")

    with pytest.raises(ImageBuildError, match="name==version"):
        python.read_lock(tmp_path / "lock.txt")


def test_an_upper_layer_has_only_what_the_lower_one_has_not(tmp_path: Path) -> None:
    lower, upper = lock(tmp_path, "a==1", "b==1"), lock(tmp_path, "a==1", "b==1", "c==1")

    assert [entry.name for entry in python.beyond(upper, lower)] == ["c"]


def test_layers_that_disagree_about_a_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match="expected a 1"):
        python.beyond(lock(tmp_path, "a==2"), lock(tmp_path, "a==1"))


def test_the_lock_files_fit_together() -> None:
    assert len(LOCKS) >= 3
    for recipe in catalog.RECIPES:
        for lower, upper in zip(recipe.locks, recipe.locks[1:], strict=False):
            python.beyond(upper, lower)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_lock_files_hold_every_direct_requirement_and_no_address(path: Path) -> None:
    text = path.read_text()
    locked = {entry.name: entry.version for entry in python.read_lock(path)}
    for line in (path.parent / "requirements.in").read_text().splitlines():
        if found := re.match(r"([a-z][\w-]*)(?:==(\S+))?$", line.strip()):
            assert found.group(1) in locked
            assert found.group(2) in (None, locked[found.group(1)])
    assert "://" not in re.sub(r"#.*", "", text)


def test_lock_files_are_made_after_those_that_constrain_them() -> None:
    folders = [folder for folder, _ in lock_files.commands()]

    assert {path.parent for path in LOCKS} == set(folders)
    for number, folder in enumerate(folders):
        for constraint in re.findall(r"^-c \.\./(\w+)/", (folder / "requirements.in").read_text(), re.MULTILINE):
            assert constraint in [earlier.name for earlier in folders[:number]]


@pytest.mark.parametrize("recipe", catalog.RECIPES, ids=lambda recipe: recipe.name)
def test_every_image_has_a_containerfile_with_the_same_inputs(recipe: catalog.Recipe) -> None:
    folder = recipe.locks[-1].parent
    text = (folder / "Containerfile").read_text()

    assert f"images/{folder.name}/requirements.lock.txt" in text
    assert all(f"operator/{source.name} /app/{source.name}" in text for source in recipe.sources)
    assert "USER 65532:65532" in text
    assert "chmod -R a+rX /wheels /app" in text
    assert "--require-hashes" in text
    assert "install -y --no-install-recommends tini" in text
    assert "COPY images/site /wheels" in text
    ignored = (folder / "Containerfile.dockerignore").read_text()
    assert "!images/site" in ignored
    assert all(f"!operator/{source.name}" in ignored for source in recipe.sources)


def test_recipes_are_found_by_name_and_reference() -> None:
    recipe = catalog.find("mlops-workload")

    assert recipe is not None
    assert catalog.find(recipe.reference) is recipe
    assert catalog.find("unknown") is None


def test_sources_are_copied_without_what_tools_leave_behind(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__/x.pyc").write_bytes(b"")
    (package / "x.py").write_text("")

    python.copy_sources([package], tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["x.py"]


def test_the_interpreter_is_the_distributions(tmp_path: Path) -> None:
    packages = [Package("libc6_2.36_amd64.deb", "SHA256:0"), Package("python3.13-minimal_3.13.5_amd64.deb", "SHA256:1")]

    assert debian.python_version(packages) == "3.13"
    with pytest.raises(ImageBuildError, match="pythonX"):
        debian.python_version(packages[:1])


def test_alternatives_and_virtual_packages_of_dependencies(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = """python3-minimal
  PreDepends: python3.11-minimal
  Depends: libc6
 |Depends: first
  Depends: second
  Depends: <virtual>
    provider
  Suggests: never
"""
    monkeypatch.setattr(debian, "_apt", lambda *_command: answer)

    assert debian._dependencies(["python3-minimal"]) == {"python3.11-minimal", "libc6", "first"}


def test_what_apt_said_is_remembered_until_its_lists_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def resolve() -> list[Package]:
        asked.append(1)
        return [Package(f"a_{len(asked)}.deb", "SHA256:0")]

    monkeypatch.setattr(debian, "resolve", resolve)
    lists = tmp_path / "lists"
    lists.mkdir()
    first = debian.resolve_cached(tmp_path / "remembered", lists)

    assert debian.resolve_cached(tmp_path / "remembered", lists) == first
    (lists / "main_Packages").write_text("")
    assert debian.resolve_cached(tmp_path / "remembered", lists) != first
    assert len(asked) == 2


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    """Builds from sources of the test alone: no packages, no wheels, no compiler."""
    monkeypatch.setattr(debian, "resolve_cached", lambda _path: [Package("python3.11-minimal_1_amd64.deb", "SHA256:0")])
    monkeypatch.setattr(debian, "unpack", lambda _packages, root: (root / "etc").mkdir())
    monkeypatch.setattr(python, "compile_all", lambda *_arguments, **_options: None)
    return Builder(tmp_path / "cache")


def recipe(tmp_path: Path) -> catalog.Recipe:
    source = tmp_path / "code"
    source.mkdir(exist_ok=True)
    (source / "main.py").write_text("")
    return catalog.Recipe("mlops-test", locks=(), sources=(source,))


def test_a_changed_source_changes_the_last_layer_alone_and_replaces_the_archive(
    builder: Builder, tmp_path: Path
) -> None:
    before = builder.image(recipe(tmp_path))
    first = builder.archive(before)
    (tmp_path / "code/other.py").write_text("")

    after = builder.image(recipe(tmp_path))
    second = builder.archive(after)

    assert [layer.digest for layer in before.layers[:-1]] == [layer.digest for layer in after.layers[:-1]]
    assert before.layers[-1].digest != after.layers[-1].digest
    assert not first.exists()
    assert second.exists()


def test_nothing_changed_makes_nothing_anew(builder: Builder, tmp_path: Path) -> None:
    builder.archive(builder.image(recipe(tmp_path)))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}

    again = Builder(tmp_path / "cache")
    again.archive(again.image(recipe(tmp_path)))

    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == before


def test_images_run_as_an_unprivileged_user(builder: Builder, tmp_path: Path) -> None:
    image = builder.image(recipe(tmp_path))

    assert image.user == "65532:65532"
    assert image.environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_byte_code_is_compiled_by_content_and_named_as_in_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "module.py").write_text("def f():\n    return 1\n")
    monkeypatch.setattr(python, "_interpreter", lambda _base: ([sys.executable], {}))

    python.compile_all(folder, shown_as="/app", base=tmp_path)

    (compiled,) = (folder / "__pycache__").iterdir()
    content = compiled.read_bytes()
    assert content[:4] == importlib.util.MAGIC_NUMBER
    # PEP 552: bit 0 says "by hash", bit 1 "check the source"; only the first is set.
    assert int.from_bytes(content[4:8], "little") == 0b01
    assert b"/app/module.py" in content
    assert str(tmp_path).encode() not in content


def test_a_source_that_does_not_compile_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("def\n")
    monkeypatch.setattr(python, "_interpreter", lambda _base: ([sys.executable], {}))

    with pytest.raises(ImageBuildError, match=r"broken\.py"):
        python.compile_all(tmp_path, shown_as="/app", base=tmp_path)
