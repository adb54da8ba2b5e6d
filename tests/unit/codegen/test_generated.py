# SPDX-License-Identifier: Apache-2.0
"""Writing generated files, and noticing those that are not fresh."""

from pathlib import Path

import pytest

from mlops_operator.codegen import generated
from mlops_operator.codegen.generated import Generator

GENERATOR = Generator(command="python -m example", files={"out/a.yaml": "a: 1\n"}, owned=("out/*.yaml",))


def test_what_is_written_is_fresh(tmp_path: Path) -> None:
    GENERATOR.write(tmp_path)
    assert (tmp_path / "out/a.yaml").read_text() == "a: 1\n"
    assert GENERATOR.differences(tmp_path) == []


def test_an_edited_file_is_shown_as_a_difference(tmp_path: Path) -> None:
    GENERATOR.write(tmp_path)
    (tmp_path / "out/a.yaml").write_text("a: 2\n")
    (difference,) = GENERATOR.differences(tmp_path)
    assert "-a: 2" in difference
    assert "+a: 1" in difference


def test_a_missing_file_is_a_difference(tmp_path: Path) -> None:
    assert len(GENERATOR.differences(tmp_path)) == 1


def test_a_file_that_nothing_generates_any_more_is_removed(tmp_path: Path) -> None:
    GENERATOR.write(tmp_path)
    stale = tmp_path / "out/b.yaml"
    stale.write_text("b: 1\n")
    assert GENERATOR.differences(tmp_path) == ["out/b.yaml: nothing generates this file any more\n"]
    GENERATOR.write(tmp_path)
    assert not stale.exists()


def test_check_fails_and_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    assert generated.run(GENERATOR, "An example.", ["--check"]) == 1
    assert "run `python -m example`" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert generated.run(GENERATOR, "An example.", []) == 0
    assert generated.run(GENERATOR, "An example.", ["--check"]) == 0
