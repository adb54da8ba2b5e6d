# SPDX-License-Identifier: Apache-2.0
"""Digests of files and folders."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from mlops_workload.digest import digest_file, digest_folder, digest_path, size_of
from mlops_workload.errors import ArtifactNotFoundError, DataInvalidError


def test_a_files_digest_is_its_sha256(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert digest_file(path) == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"


def test_a_folders_digest_is_that_of_the_sorted_listing_of_coreutils(tmp_path: Path) -> None:
    (tmp_path / "b" / "deep").mkdir(parents=True)
    for name in ("b/deep/x", "b/y", "a.txt", "B"):
        (tmp_path / name).write_text(name)
    listing = subprocess.run(
        "find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    assert digest_folder(tmp_path) == f"sha256:{listing}"


def test_a_folders_digest_changes_with_a_name_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = digest_path(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest_path(tmp_path) != before


def test_a_link_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").symlink_to("/etc/hostname")
    with pytest.raises(DataInvalidError, match="secret"):
        digest_folder(tmp_path)


def test_nothing_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(ArtifactNotFoundError, match="nothing"):
        digest_path(tmp_path / "absent")


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"4567")
    assert size_of(tmp_path) == 7
