# SPDX-License-Identifier: Apache-2.0
"""The version is the same in every place that has it."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import mlops_operator

ROOT = Path(__file__).resolve().parents[3]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_program_has_the_version_of_the_project() -> None:
    assert mlops_operator.__version__ == VERSION


@pytest.mark.parametrize("chart", ["mlops-operator", "mlops-operator-crds"])
def test_a_chart_has_the_version_of_the_project(chart: str) -> None:
    described = yaml.safe_load((ROOT / "helm" / chart / "Chart.yaml").read_text())
    assert (described["version"], described["appVersion"]) == (VERSION, VERSION)


def test_the_images_in_the_documentation_have_the_version() -> None:
    named = re.findall(r"(?:mlops-[a-z$]+:|tag: )(\d+\.\d+\.\d+)", (ROOT / "docs/operations/images.md").read_text())
    assert set(named) == {VERSION}


def test_the_changelog_has_a_section_for_the_version_below_what_is_unreleased() -> None:
    sections = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[:2] == ["Unreleased", VERSION]
    assert len(set(sections)) == len(sections)
