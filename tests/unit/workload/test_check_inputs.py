# SPDX-License-Identifier: Apache-2.0
"""The ConfigMaps of a run, hashed before it starts. Folders are as the kubelet's atomic writer leaves them."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlops_contract.messages import config_maps_digest
from mlops_workload import config_maps
from mlops_workload.check_inputs import main
from mlops_workload.config_maps import digest_config_maps
from mlops_workload.digest import digest_file, digest_folder
from mlops_workload.errors import ArtifactUnreachableError

from .conftest import RunEnvironment


def mount(root: Path, name: str, files: Mapping[str, str], *, state: str = "..2026_01_01") -> None:
    """Mount a ConfigMap, or replace its content."""
    folder = root / name
    (folder / state).mkdir(parents=True)
    for key, text in files.items():
        (folder / state / key).write_text(text)
        if not (folder / key).is_symlink():
            (folder / key).symlink_to(f"..data/{key}")
    (folder / "..data_tmp").symlink_to(state)
    (folder / "..data_tmp").rename(folder / "..data")


def test_the_digest_is_that_of_a_folder_with_the_same_files(tmp_path: Path) -> None:
    mount(tmp_path / "mounted", "code", {"train.py": "print(1)", "util.py": ""})
    mount(tmp_path / "mounted", "settings", {"depth": "5"})
    for name, text in {"code/train.py": "print(1)", "code/util.py": "", "settings/depth": "5"}.items():
        path = tmp_path / "plain" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert digest_config_maps(tmp_path / "mounted") == digest_folder(tmp_path / "plain")


@pytest.mark.parametrize(
    "other",
    [
        {"code": {"train.py": "print(2)"}},
        {"code": {"main.py": "print(1)"}},
        {"script": {"train.py": "print(1)"}},
        {"code": {"train.py": "print(1)", "more.py": ""}},
        {"code": {}},
    ],
)
def test_another_content_key_or_name_is_another_digest(tmp_path: Path, other: dict[str, dict[str, str]]) -> None:
    mount(tmp_path / "a", "code", {"train.py": "print(1)"})
    for name, files in other.items():
        mount(tmp_path / "b", name, files)
    assert digest_config_maps(tmp_path / "a") != digest_config_maps(tmp_path / "b")


def test_a_config_map_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    (tmp_path / "optional").mkdir()
    assert digest_config_maps(tmp_path) == digest_folder(tmp_path / "optional")


def test_what_is_replaced_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount(tmp_path / "now", "code", {"a": "1", "b": "1"})
    mount(tmp_path / "then", "code", {"a": "2", "b": "2"})
    replaced: list[Path] = []

    def replace_once(path: Path) -> str:
        found = digest_file(path)
        if not replaced:
            replaced.append(path)
            mount(tmp_path / "now", "code", {"a": "2", "b": "2"}, state="..2026_01_02")
        return found

    monkeypatch.setattr(config_maps, "digest_file", replace_once)
    assert digest_config_maps(tmp_path / "now") == digest_config_maps(tmp_path / "then")


def test_what_never_holds_still_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    os.symlink("..gone", tmp_path / "code" / "..data")
    with pytest.raises(ArtifactUnreachableError, match="the ConfigMap code was replaced 5 times"):
        digest_config_maps(tmp_path)


def test_the_digest_is_reported_to_the_operator(run_environment: RunEnvironment, tmp_path: Path) -> None:
    mount(tmp_path / "mounted", "code", {"train.py": "print(1)"})
    assert main([f"--config-maps={tmp_path / 'mounted'}"]) == 0
    assert config_maps_digest(run_environment.message) == digest_config_maps(tmp_path / "mounted")


def test_missing_data_are_reported_instead(run_environment: RunEnvironment, tmp_path: Path) -> None:
    mount(tmp_path / "mounted", "code", {"train.py": "print(1)"})
    assert main(["rows=pvc://store/rows", f"--config-maps={tmp_path / 'mounted'}"]) == 3
    assert config_maps_digest(run_environment.message) is None
    assert "DataNotFound" in run_environment.message
