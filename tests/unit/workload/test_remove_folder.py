# SPDX-License-Identifier: Apache-2.0
"""What is in a folder is removed, and nothing that a link in it leads to."""

import json
import os
from pathlib import Path

import pytest

from mlops_workload.errors import ArtifactUnreachableError, ConfigurationInvalidError, DataInvalidError
from mlops_workload.remove_folder import Removed, check_folder, main, remove_content

URI = "pvc://store/trainingjobs/run-12345678"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "store" / "trainingjobs" / "other-87654321" / "0").mkdir(parents=True)
    (tmp_path / "store" / "trainingjobs" / "other-87654321" / "0" / "model").write_text("champion")
    return tmp_path


@pytest.fixture
def folder(root: Path) -> Path:
    path = root / "store" / "trainingjobs" / "run-12345678"
    (path / "0").mkdir(parents=True)
    (path / "0" / "model.joblib").write_bytes(b"12345")
    return path


def environ(root: Path) -> dict[str, str]:
    return {"MLOPS_PVC_ROOT": str(root)}


def others(root: Path) -> str:
    return (root / "store" / "trainingjobs" / "other-87654321" / "0" / "model").read_text()


def test_files_and_folders_go_and_the_folder_stays(root: Path, folder: Path) -> None:
    (folder / "1" / "deep" / "er").mkdir(parents=True)
    (folder / "1" / "deep" / "er" / "rows").write_bytes(b"123")
    assert remove_content(URI, environ=environ(root)) == Removed(files=2, size=8)
    assert [*folder.iterdir()] == []
    assert others(root) == "champion"


def test_again_and_where_nothing_is(root: Path, folder: Path) -> None:
    remove_content(URI, environ=environ(root))
    assert remove_content(URI, environ=environ(root)) == Removed()
    folder.rmdir()
    assert remove_content(URI, environ=environ(root)) == Removed()
    assert check_folder(URI, environ=environ(root)) is False


def test_links_are_removed_and_not_followed(root: Path, folder: Path) -> None:
    other = root / "store" / "trainingjobs" / "other-87654321"
    (folder / "0" / "up").symlink_to("../../other-87654321")
    (folder / "absolute").symlink_to(other)
    (folder / "0" / "file").symlink_to(other / "0" / "model")
    os.link(other / "0" / "model", folder / "hard")
    os.mkfifo(folder / "0" / "pipe")
    assert remove_content(URI, environ=environ(root)).files == 6
    assert [*folder.iterdir()] == []
    assert others(root) == "champion"


@pytest.mark.parametrize("where", ["the folder", "a folder above"])
def test_a_folder_behind_a_link_is_refused(root: Path, where: str) -> None:
    trainings = root / "store" / "trainingjobs"
    if where == "the folder":
        (trainings / "run-12345678").symlink_to("other-87654321")
    else:
        (root / "store" / "real").mkdir()
        (root / "store" / "real" / "run-12345678").mkdir()
        (root / "store" / "real" / "run-12345678" / "rows").write_text("r")
        trainings.rename(root / "store" / "kept")
        trainings.symlink_to("real")
    for act in (check_folder, remove_content):
        with pytest.raises(DataInvalidError, match="link"):
            act(URI, environ=environ(root))
    kept = root / "store" / ("trainingjobs" if where == "the folder" else "kept")
    assert (kept / "other-87654321" / "0" / "model").read_text() == "champion"


def test_a_file_in_the_place_of_the_folder_is_refused(root: Path) -> None:
    (root / "store" / "trainingjobs" / "run-12345678").write_text("f")
    for act in (check_folder, remove_content):
        with pytest.raises(DataInvalidError, match="expected a folder, found a file"):
            act(URI, environ=environ(root))


@pytest.mark.parametrize("uri", ["pvc://store", "pvc://store/", "pvc://store/.", "s3://bucket/x"])
def test_a_whole_claim_and_other_stores_are_refused(root: Path, uri: str) -> None:
    with pytest.raises(ConfigurationInvalidError):
        remove_content(uri, environ=environ(root))
    assert others(root) == "champion"


def test_a_path_that_climbs_out_is_refused(root: Path, folder: Path) -> None:
    with pytest.raises(ConfigurationInvalidError, match=r"without '\.\.'"):
        remove_content(f"{URI}/../other-87654321", environ=environ(root))
    assert folder.exists()


def test_folders_that_may_not_be_read_or_changed(root: Path, folder: Path) -> None:
    (folder / "0" / "inner").mkdir()
    (folder / "0" / "inner" / "rows").write_text("r")
    for path, mode in ((folder / "0" / "inner", 0o000), (folder / "0", 0o500)):
        path.chmod(mode)
    assert remove_content(URI, environ=environ(root)).files == 2
    assert [*folder.iterdir()] == []


def test_a_depth_beyond_every_limit(root: Path, folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    remove_content(URI, environ=environ(root))
    assert [*folder.iterdir()] == []


def test_a_folder_of_another_user_is_told(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(ArtifactUnreachableError, match="PermissionError"):
        remove_content(URI, environ=environ(root))
    assert (folder / "0" / "model.joblib").exists()


def test_the_command_reports_what_it_removed(
    root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    message = tmp_path / "message"
    values = {**environ(root), "MLOPS_RUN_UID": "u", "MLOPS_RESULT_PATH": str(message)}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert main(["--check", URI]) == 0
    assert (folder / "0" / "model.joblib").exists()
    assert main([URI]) == 0
    assert json.loads(message.read_text())["counts"] == {"files": 1, "bytes": 5}
