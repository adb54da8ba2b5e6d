# SPDX-License-Identifier: Apache-2.0
"""Fetching: what arrives is what the digest says, or nothing arrives."""

import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from mlops_contract import ResultInvalidError
from mlops_workload.digest import digest_path
from mlops_workload.errors import ArtifactNotFoundError, ConfigurationInvalidError
from mlops_workload.fetch import fetch, main
from mlops_workload.store import copy_out

from .conftest import RunEnvironment

WRONG = "sha256:" + "0" * 64


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    """A remote store, as far as the code can see."""
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def entries(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_arrives_under_its_name(tmp_path: Path, run_environment: RunEnvironment) -> None:
    source = tmp_path / "pvc" / "store" / "model.joblib"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"model")
    target = tmp_path / "model"
    code = main(["--uri", "pvc://store/model.joblib", "--digest", digest_path(source), "--to", str(target)])
    assert (code, entries(target)) == (0, ["model.joblib"])
    assert (target / "model.joblib").read_bytes() == b"model"
    assert not run_environment.message


def test_a_folder_arrives_as_its_content_and_replaces_what_was_there(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for folder, text in ((source, "new"), (target, "old")):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "a").write_text(text)
    fetched = fetch(str(source), target, digest=digest_path(source))
    assert (target / "sub" / "a").read_text() == "new"
    assert fetched == (target, digest_path(source), 3)


def test_what_is_corrupt_does_not_arrive_and_the_message_says_what_was_found(
    tmp_path: Path, run_environment: RunEnvironment
) -> None:
    source, target = tmp_path / "a", tmp_path / "target"
    source.write_text("tampered with")
    code = main(["--uri", str(source), "--digest", WRONG, "--to", str(target)])
    error = json.loads(run_environment.message)
    assert code == 4
    assert (error["reason"], error["expected"], error["found"]) == ("ArtifactCorrupt", WRONG, digest_path(source))
    assert list(target.iterdir()) == []


def test_what_is_absent_is_not_found(tmp_path: Path, run_environment: RunEnvironment) -> None:
    assert main(["--uri", "pvc://store/none", "--digest", WRONG, "--to", str(tmp_path / "target")]) == 3
    assert json.loads(run_environment.message)["reason"] == "ArtifactNotFound"
    with pytest.raises(ResultInvalidError):
        _ = run_environment.result


def test_verify_only_reports_size_and_digest_and_copies_nothing(
    tmp_path: Path, run_environment: RunEnvironment
) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"12345")
    before = entries(tmp_path)
    assert main(["--uri", f"file://{source}", "--digest", digest_path(source), "--verify-only"]) == 0
    (artifact,) = run_environment.result.artifacts
    assert (artifact.size, artifact.digest, artifact.uri) == (5, digest_path(source), f"file://{source}")
    assert entries(tmp_path) == [*before, "termination-log"]


def test_verify_only_of_something_else_is_corrupt(tmp_path: Path, run_environment: RunEnvironment) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"12345")
    assert main(["--uri", str(source), "--digest", WRONG, "--verify-only"]) == 4


def test_a_remote_file_and_a_remote_folder_arrive(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe({"/bucket/m/model.joblib": b"model", "/bucket/m/sub/notes.txt": b"notes"})
    fetch("memory://bucket/m/model.joblib", tmp_path / "file")
    fetched = fetch("memory://bucket/m", tmp_path / "folder")
    assert entries(tmp_path) == ["file/model.joblib", "folder/model.joblib", "folder/sub/notes.txt"]
    assert fetched.digest == digest_path(tmp_path / "folder")


def test_a_remote_folder_that_was_copied_out_has_the_same_digest(
    tmp_path: Path, memory: fsspec.AbstractFileSystem
) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "a").write_text("a")
    (source / "sub" / "b").write_text("b")
    copy_out(source, "memory://bucket/copy")
    assert fetch("memory://bucket/copy", tmp_path / "back").digest == digest_path(source)


def test_an_absent_remote_file_is_not_found(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    with pytest.raises(ArtifactNotFoundError, match="memory://bucket/none"):
        fetch("memory://bucket/none", tmp_path)


def test_a_scheme_without_a_driver_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalidError, match="nosuch"):
        fetch("nosuch://bucket/a", tmp_path)


def test_neither_target_nor_verification_is_refused(run_environment: RunEnvironment) -> None:
    assert main(["--uri", "pvc://a/b"]) == 2
