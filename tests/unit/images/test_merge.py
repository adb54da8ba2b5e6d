# SPDX-License-Identifier: Apache-2.0
"""Several image archives in one, with the layers that they share once."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from images.merge import can_be_merged, merge_archives
from images.oci import Image, Layer, archive_digests, write_archive, write_layer


def layer(folder: Path, text: str) -> Layer:
    (folder / text).mkdir()
    (folder / text / "file").write_text(text)
    return write_layer(folder / f"{text}.tar", [(folder / text, "")])


@pytest.fixture
def archives(tmp_path: Path) -> list[Path]:
    base, first, second = (layer(tmp_path, text) for text in ("base", "first", "second"))
    paths = [tmp_path / "a.tar", tmp_path / "b.tar"]
    write_archive(paths[0], [Image("localhost/a:1", [base, first])])
    write_archive(paths[1], [Image("localhost/b:1", [base, second]), Image("localhost/c:1", [base])])
    return paths


def test_all_images_are_in_it_as_they_were(archives: list[Path], tmp_path: Path) -> None:
    merge_archives(tmp_path / "all.tar", archives)

    found = archive_digests(tmp_path / "all.tar")
    assert found == archive_digests(archives[0]) | archive_digests(archives[1])
    assert set(found) == {"localhost/a:1", "localhost/b:1", "localhost/c:1"}


def test_each_blob_is_in_it_once_with_its_content(archives: list[Path], tmp_path: Path) -> None:
    merge_archives(tmp_path / "all.tar", archives)

    blobs: dict[str, bytes] = {}
    for path in archives:
        with tarfile.open(path) as source:
            blobs |= {one.name: source.extractfile(one).read() for one in source if one.name.startswith("blobs/")}  # type: ignore[union-attr]
    with tarfile.open(tmp_path / "all.tar") as merged:
        names = [name for name in merged.getnames() if name.startswith("blobs/")]
        assert sorted(names) == sorted(blobs)
        assert {name: merged.extractfile(name).read() for name in names} == blobs  # type: ignore[union-attr]
        tags = [entry["RepoTags"] for entry in json.load(merged.extractfile("manifest.json"))]  # type: ignore[arg-type]
    assert tags == [["localhost/a:1"], ["localhost/b:1"], ["localhost/c:1"]]


def other_layout(path: Path) -> Path:
    """An archive as `docker save` of old versions writes it."""
    content = json.dumps([{"Config": "c.json", "RepoTags": ["localhost/old:1"], "Layers": ["l/layer.tar"]}]).encode()
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("manifest.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def test_an_archive_of_another_layout_is_refused(archives: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no archive")

    assert [can_be_merged(path) for path in archives] == [True, True]
    for path in (other_layout(tmp_path / "old.tar"), tmp_path / "text"):
        assert not can_be_merged(path)
        with pytest.raises(ValueError, match=f"OCI layout at {path}"):
            merge_archives(tmp_path / "all.tar", [archives[0], path])
