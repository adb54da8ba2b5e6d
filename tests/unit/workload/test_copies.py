# SPDX-License-Identifier: Apache-2.0
"""Copy, verify the copy, use the copy: what others do to a source in between has no effect, and links are refused."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from mlops_workload import files, store
from mlops_workload.check_inputs import main as check_inputs
from mlops_workload.digest import digest_path
from mlops_workload.errors import (
    ArtifactCorruptError,
    ArtifactNotFoundError,
    DataInvalidError,
    DataNotFoundError,
    WorkloadError,
)
from mlops_workload.fetch import fetch
from mlops_workload.locations import check_locations
from mlops_workload.store import inspect

from .conftest import RunEnvironment

URI = "pvc://store/a/model"


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    """The root of the claim `store`."""
    claim = tmp_path / "pvc" / "store"
    claim.mkdir(parents=True)
    return claim


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"MLOPS_PVC_ROOT": str(tmp_path / "pvc")}


@pytest.fixture
def model(claim: Path) -> Path:
    """A folder with two files."""
    folder = claim / "a" / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.joblib").write_bytes(b"good")
    (folder / "sub" / "notes").write_bytes(b"notes")
    return folder


# -- races ---------------------------------------------------------------------------------------


def swap_after_the_first_read(monkeypatch: pytest.MonkeyPatch, swap: Callable[[], None]) -> None:
    """Let `swap` happen when the first file of a source has been read."""
    original = store._read_file
    done: list[bool] = []

    def read(stream: BinaryIO, target: Path | None) -> store.Content:
        content = original(stream, target)
        if not done:
            done.append(True)
            swap()
        return content

    monkeypatch.setattr(store, "_read_file", read)


def test_a_file_that_is_swapped_after_it_was_verified_is_not_used(
    tmp_path: Path, claim: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = claim / "model.joblib"
    source.write_bytes(b"good")
    digest = digest_path(source)

    def swap() -> None:
        source.write_bytes(b"evil")

    swap_after_the_first_read(monkeypatch, swap)
    fetched = fetch("pvc://store/model.joblib", tmp_path / "to", digest=digest, environ=environ)
    assert source.read_bytes() == b"evil"
    assert (fetched.path.read_bytes(), fetched.digest, digest_path(fetched.path)) == (b"good", digest, digest)


def test_a_folder_that_is_swapped_while_it_is_read_is_corrupt_or_the_one_that_was_verified(
    tmp_path: Path, model: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = digest_path(model)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(model, elsewhere)
    (elsewhere / "sub" / "notes").write_bytes(b"evil")

    def swap() -> None:
        model.rename(model.with_name("moved"))
        model.symlink_to(elsewhere)

    swap_after_the_first_read(monkeypatch, swap)
    fetched = fetch(URI, tmp_path / "to", digest=digest, environ=environ)
    assert (tmp_path / "to" / "sub" / "notes").read_bytes() == b"notes"  # by the descriptor of what was opened
    assert fetched.digest == digest_path(tmp_path / "to") == digest


def test_a_part_that_is_swapped_for_a_link_while_the_folder_is_read_is_refused(
    tmp_path: Path, model: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "notes").write_bytes(b"notes")

    def swap() -> None:
        shutil.rmtree(model / "sub")
        (model / "sub").symlink_to(secret)

    digest = digest_path(model)
    swap_after_the_first_read(monkeypatch, swap)
    with pytest.raises(DataInvalidError, match="special file sub"):
        fetch(URI, tmp_path / "to", digest=digest, environ=environ)
    assert list((tmp_path / "to").iterdir()) == []


def test_a_link_between_the_check_and_the_opening_is_refused(claim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (claim / "a").write_bytes(b"plain")
    (claim / "secret").write_bytes(b"secret")
    original = files._require_plain
    calls: list[str] = []

    def check(mode: int, name: str) -> None:
        original(mode, name)
        if not calls:
            (claim / "a").unlink()
            (claim / "a").symlink_to("secret")
        calls.append(name)

    monkeypatch.setattr(files, "_require_plain", check)
    with pytest.raises(DataInvalidError, match="link"), files.opened(claim, ("a",)):
        pass


# -- what is no regular file ---------------------------------------------------------------------


def _socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has at most 107 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(before)


SPECIAL: dict[str, Callable[[Path], None]] = {
    "link-inside": lambda path: path.symlink_to("model.joblib"),
    "link-outside": lambda path: path.symlink_to("/etc/passwd"),
    "link-to-a-folder": lambda path: path.symlink_to("/etc"),
    "dangling-link": lambda path: path.symlink_to("nowhere"),
    "fifo": os.mkfifo,
    "socket": _socket,
}

READERS: dict[str, Callable[[str, Path, dict[str, str]], object]] = {
    "fetch": lambda uri, folder, environ: fetch(uri, folder, environ=environ),
    "inspect": lambda uri, _folder, environ: inspect(uri, environ=environ),
    "check": lambda uri, _folder, environ: check_locations({"rows": uri}, environ=environ),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL.keys())
@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_what_is_no_regular_file_is_refused_as_a_source(
    tmp_path: Path,
    model: Path,
    environ: dict[str, str],
    make: Callable[[Path], None],
    read: Callable[[str, Path, dict[str, str]], object],
) -> None:
    make(model / "special")
    with pytest.raises(DataInvalidError, match="special file a/model/special"):
        read(f"{URI}/special", tmp_path / "to", environ)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL.keys())
@pytest.mark.parametrize("read", [READERS["fetch"], READERS["inspect"]], ids=["fetch", "inspect"])
def test_what_is_no_regular_file_is_refused_inside_a_source(
    tmp_path: Path,
    model: Path,
    environ: dict[str, str],
    make: Callable[[Path], None],
    read: Callable[[str, Path, dict[str, str]], object],
) -> None:
    make(model / "sub" / "special")
    with pytest.raises(DataInvalidError, match="special file sub/special"):
        read(URI, tmp_path / "to", environ)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_a_place_below_a_link_is_refused(
    tmp_path: Path,
    model: Path,
    claim: Path,
    environ: dict[str, str],
    read: Callable[[str, Path, dict[str, str]], object],
) -> None:
    (claim / "link").symlink_to("a")
    assert model.exists()
    with pytest.raises(DataInvalidError, match="special file link"):
        read("pvc://store/link/model", tmp_path / "to", environ)


def test_a_file_below_a_file_is_not_found(tmp_path: Path, model: Path, environ: dict[str, str]) -> None:
    assert model.exists()
    with pytest.raises(ArtifactNotFoundError):
        fetch(f"{URI}/model.joblib/x", tmp_path / "to", environ=environ)


def test_a_claim_that_is_not_mounted_is_not_found(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ArtifactNotFoundError):
        inspect("pvc://other/x", environ=environ)
    with pytest.raises(ArtifactNotFoundError):
        fetch("pvc://other", tmp_path / "to", environ=environ)


def test_digests_agree_however_they_are_computed(tmp_path: Path, model: Path, environ: dict[str, str]) -> None:
    (model / "sub-x").write_bytes(b"sorts between sub and sub/notes")
    digest = digest_path(model)
    assert inspect(URI, environ=environ).digest == digest
    copy = fetch(URI, tmp_path / "to", digest=digest, environ=environ)
    assert (copy.digest, copy.size) == (digest, inspect(URI, environ=environ).size)
    with pytest.raises(ArtifactCorruptError):
        fetch(URI, tmp_path / "to", digest="sha256:" + "0" * 64, environ=environ)


# -- before places are mounted one by one --------------------------------------------------------


def test_places_that_are_there_pass(model: Path, environ: dict[str, str]) -> None:
    assert model.exists()
    check_locations({"a": URI, "b": f"{URI}/model.joblib", "all": "pvc://store", "c": "s3://b/c"}, environ=environ)


def test_all_missing_places_are_named(
    model: Path, run_environment: RunEnvironment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert model.exists()
    assert check_inputs([f"here={URI}", "x=pvc://store/x=1", "y=pvc://store/a/y"]) == 3
    assert '"reason": "DataNotFound"' in run_environment.message
    assert "found nothing at x (pvc://store/x=1), y (pvc://store/a/y)" in run_environment.message
    assert "DataNotFound" in capsys.readouterr().err


def test_a_place_that_may_not_be_looked_at_is_not_taken_for_missing(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, claim: Path
) -> None:
    (claim / "a").write_bytes(b"a")

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(WorkloadError) as caught:
        check_locations({"rows": "pvc://store/a"}, environ=environ)
    assert not isinstance(caught.value, DataNotFoundError)
    assert caught.value.reason == "ArtifactUnreachable"
