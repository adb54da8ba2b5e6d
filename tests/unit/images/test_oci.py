# SPDX-License-Identifier: Apache-2.0
"""Image archives: the same bytes for the same contents, in the form that container tools read."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from images import oci
from images.oci import Image, Layer


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "bin/tool").write_text("#!/bin/sh\n")
    (root / "bin/tool").chmod(0o700)
    (root / "bin/alias").symlink_to("tool")
    (root / "note").write_text("text")
    (root / "note").chmod(0o600)
    return root


def members(layer: Layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer.path) as archive:
        return {member.name: member for member in archive}


def documents(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as archive:
        found = {}
        for name in ("oci-layout", "index.json", "manifest.json"):
            file = archive.extractfile(name)
            assert file is not None
            found[name] = json.load(file)
        return found


def test_a_layer_depends_on_contents_alone(tree: Path, tmp_path: Path) -> None:
    first = oci.write_layer(tmp_path / "1.tar", [(tree, "")])
    os.utime(tree / "note", (1, 1))
    (tree / "note").chmod(0o664)
    (tree / "again").write_text("")
    (tree / "again").unlink()

    assert oci.write_layer(tmp_path / "2.tar", [(tree, "")]).digest == first.digest


def test_a_layer_changes_with_its_contents(tree: Path, tmp_path: Path) -> None:
    first = oci.write_layer(tmp_path / "1.tar", [(tree, "")])
    (tree / "note").write_text("other")

    assert oci.write_layer(tmp_path / "2.tar", [(tree, "")]).digest != first.digest


def test_files_belong_to_root_and_everybody_may_read_them(tree: Path, tmp_path: Path) -> None:
    found = members(oci.write_layer(tmp_path / "1.tar", [(tree, "")]))

    assert {(one.uid, one.gid, one.uname, one.mtime) for one in found.values()} == {(0, 0, "", oci.EPOCH)}
    modes = {name: oct(one.mode) for name, one in found.items()}
    assert modes == {"bin": "0o755", "bin/tool": "0o755", "bin/alias": "0o777", "note": "0o644", "tmp": "0o1777"}
    assert found["bin/alias"].linkname == "tool"


def test_a_folder_can_be_put_below_a_prefix_whose_folders_are_made(tree: Path, tmp_path: Path) -> None:
    found = members(oci.write_layer(tmp_path / "1.tar", [(tree, "opt/x")]))

    assert list(found)[:2] == ["opt", "opt/x"]
    assert "opt/x/bin/tool" in found


def test_a_layer_can_be_unpacked_again(tree: Path, tmp_path: Path) -> None:
    layer = oci.write_layer(tmp_path / "1.tar", [(tree, "")])

    oci.extract_layer(layer, tmp_path / "out")

    assert (tmp_path / "out/bin/alias").read_text() == "#!/bin/sh\n"


def test_the_digest_kept_beside_a_layer_is_that_of_its_bytes(tree: Path, tmp_path: Path) -> None:
    written = oci.write_layer(tmp_path / "1.tar", [(tree, "")])

    assert Layer.of(tmp_path / "1.tar") == written
    assert written.digest == f"sha256:{hashlib.sha256((tmp_path / '1.tar').read_bytes()).hexdigest()}"


@pytest.fixture
def archive(tree: Path, tmp_path: Path) -> Path:
    shared = oci.write_layer(tmp_path / "shared.tar", [(tree, "")])
    (tmp_path / "more").mkdir()
    more = oci.write_layer(tmp_path / "more.tar", [(tmp_path / "more", "more")])
    images = [
        Image("localhost/one:dev", [shared], entrypoint=["/bin/tool"], user="65532:65532"),
        Image("localhost/two:1", [shared, more], command=["sh"], environment={"A": "b"}),
    ]
    oci.write_archive(tmp_path / "images.tar", images)
    return tmp_path / "images.tar"


def test_every_blob_is_named_by_its_digest_and_kept_once(archive: Path) -> None:
    with tarfile.open(archive) as opened:
        blobs = [member for member in opened if member.name.startswith("blobs/sha256/")]
        for member in blobs:
            file = opened.extractfile(member)
            assert file is not None
            assert hashlib.sha256(file.read()).hexdigest() == member.name.rpartition("/")[2]
    # Two layers, two configurations, two manifests.
    assert len({member.name for member in blobs}) == len(blobs) == 6


def test_both_forms_of_the_index_name_the_same_images(archive: Path) -> None:
    found = documents(archive)

    names = [one["annotations"]["io.containerd.image.name"] for one in found["index.json"]["manifests"]]
    assert names == ["localhost/one:dev", "localhost/two:1"]
    assert [one["RepoTags"] for one in found["manifest.json"]] == [["localhost/one:dev"], ["localhost/two:1"]]


def test_the_configuration_says_how_to_start_a_container(archive: Path) -> None:
    with tarfile.open(archive) as opened:
        file = opened.extractfile(documents(archive)["manifest.json"][0]["Config"])
        assert file is not None
        config = json.load(file)["config"]

    assert (config["Entrypoint"], config["User"]) == (["/bin/tool"], "65532:65532")
    assert any(entry.startswith("PATH=") for entry in config["Env"])


def test_the_references_and_digests_of_an_archive_are_read_back(archive: Path) -> None:
    found = oci.archive_digests(archive)

    assert set(found) == {"localhost/one:dev", "localhost/two:1"}
    assert len(set(found.values())) == 2


def test_an_archive_of_docker_save_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "saved.tar"
    (tmp_path / "manifest.json").write_text(
        json.dumps([{"Config": "abc.json", "RepoTags": ["a:1", "a:2"], "Layers": []}])
    )
    with tarfile.open(path, "w") as archive:
        archive.add(tmp_path / "manifest.json", "manifest.json")

    assert oci.archive_digests(path) == {"a:1": "abc.json", "a:2": "abc.json"}


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100])
def test_what_is_no_image_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)

    with pytest.raises(ValueError, match="expected"):
        oci.archive_digests(tmp_path / "x.tar")
