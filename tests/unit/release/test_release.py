# SPDX-License-Identifier: Apache-2.0
"""A release is the same bytes for the same commit, and each wheel works with what it declares."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from release.__main__ import SUMS
from release.distributions import DISTRIBUTIONS, ROOT, SOURCES, version
from release.images import debian

EPOCH = "1790000000"


def build(source: Path, output: Path, *, umask: int) -> Path:
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": EPOCH,
        "PYTHONPATH": os.pathsep.join([f"{source}/operator", str(source)]),
    }
    command = [sys.executable, "-m", "release", "--output", str(output)]
    subprocess.run(command, cwd=source, env=environment, check=True, umask=umask, capture_output=True)
    return output


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("first") / "dist", umask=0o022)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The sources in another folder, with other modes, times and order of creation."""
    target = tmp_path / "elsewhere"
    for name in ("release", "images", "helm", "operator"):
        shutil.copytree(ROOT / name, target / name, copy_function=shutil.copyfile)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copyfile(ROOT / name, target / name)
    for path in target.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
    return target


def test_two_builds_in_different_folders_are_equal(built: Path, copied: Path, tmp_path: Path) -> None:
    again = build(copied, tmp_path / "dist", umask=0o077)
    assert (again / SUMS).read_text() == (built / SUMS).read_text()


def test_there_is_a_wheel_of_each_distribution_both_charts_and_a_bill_of_materials(built: Path) -> None:
    wheels = {f"{one.name.replace('-', '_')}-{version()}-py3-none-any.whl" for one in DISTRIBUTIONS}
    charts = {f"{name}-{version()}.tgz" for name in ("mlops-operator", "mlops-operator-crds")}
    assert {path.name for path in built.iterdir()} == wheels | charts | {
        f"mlops-operator-wheels-{version()}.cdx.json",
        SUMS,
    }


def test_every_source_file_is_in_exactly_one_wheel() -> None:
    names = sorted(name for one in DISTRIBUTIONS for _, name in one.files())
    everything = (path for path in SOURCES.rglob("*") if path.suffix in {".py", ".typed"})
    assert names == sorted(path.relative_to(SOURCES).as_posix() for path in everything)


def test_a_wheel_holds_its_files(built: Path) -> None:
    for one in DISTRIBUTIONS:
        (wheel,) = built.glob(f"{one.name.replace('-', '_')}-*.whl")
        names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
        assert names == {name for _, name in one.files()}, one.name


def test_the_client_is_imported_without_kopf_and_kubernetes(built: Path, tmp_path: Path) -> None:
    for name in ("mlops_client", "mlops_contract"):
        (wheel,) = built.glob(f"{name}-*.whl")
        zipfile.ZipFile(wheel).extractall(tmp_path)
    code = f"""
import importlib, pathlib, sys
for name in ("kopf", "kubernetes", "cronsim", "yaml", "numpy"):
    sys.modules[name] = None
root = pathlib.Path({str(tmp_path)!r})
sys.path.insert(0, str(root))
# The one module that reads kubeconfigs needs the extra `kubeconfig`.
modules = {{path.relative_to(root).with_suffix("").as_posix().replace("/", ".") for path in root.rglob("*.py")}}
for module in sorted(modules - {{"mlops_operator.kube.kubeconfig"}}):
    found = importlib.import_module(module.removesuffix(".__init__"))
    assert found.__file__.startswith(str(root)), found.__file__
"""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


def test_the_bill_of_materials_has_every_locked_package_and_no_host(built: Path) -> None:
    (file,) = built.glob("*-wheels-*.cdx.json")
    document = json.loads(file.read_text())
    names = {component["name"] for component in document["components"]}
    assert {"kopf", "kubernetes", "pydantic", "numpy", "scikit-learn"} <= names
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert "://" not in file.read_text()


def test_a_folder_that_is_not_empty_is_refused(built: Path) -> None:
    command = [sys.executable, "-m", "release", "--output", str(built)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "expected" in done.stderr


@pytest.mark.parametrize(
    ("file", "purl"),
    [
        ("tini_0.19.0-1_amd64.deb", "pkg:deb/debian/tini@0.19.0-1?arch=amd64"),
        ("tzdata_2025b-0%2bdeb12u1_all.deb", "pkg:deb/debian/tzdata@2025b-0+deb12u1?arch=all"),
    ],
)
def test_a_package_of_the_base_is_a_component(file: str, purl: str) -> None:
    assert debian(file)["purl"] == purl
