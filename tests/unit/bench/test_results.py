# SPDX-License-Identifier: Apache-2.0
"""Results on disk and the page made of them."""

from pathlib import Path

import pytest

from bench.__main__ import RESULTS, main
from bench.results import Result, load, save, summary
from bench.scenarios.catalog import SCENARIOS
from bench.table import markdown
from bench.targets import TARGETS, Target, target


def result(operator: str = "mlops", **figures: float) -> Result:
    runs = [{"3 a second": {"operator_writes_per_object": 3.0, **figures}} for _ in range(3)]
    return summary("B2", operator, runs, [900.0, 1000.0, 800.0])


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = result(operator_refused=0.0)
    save(written, tmp_path)
    assert load(tmp_path) == [written]


def test_the_page_judges_the_operator_by_its_targets_and_not_the_baseline() -> None:
    page = markdown([result(operator_refused=1.0), result("naive", operator_refused=1.0)])
    assert "| operator writes per object | 3; ≤ 3 ✓ | 3 |" in page
    assert "| operator refused | 1; ≤ 0 ✗ | 1 |" in page
    assert "The API server took 900 (800 to 1,000) plain writes a second." in page


def test_a_page_that_is_not_that_of_the_results_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def command(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["bench", "table", "--output", str(tmp_path), *arguments])
        return main()

    save(result(), tmp_path)
    assert command("--check") == 1
    assert command() == 0
    assert command("--check") == 0
    save(result(operator_refused=2.0), tmp_path)
    assert command("--check") == 1


def test_the_committed_page_is_that_of_the_committed_results() -> None:
    assert (RESULTS / "README.md").read_text() == markdown(load(RESULTS))


@pytest.mark.parametrize("found", TARGETS, ids=lambda found: f"{found.scenario} {found.figure}")
def test_a_target_is_for_a_scenario_there_is(found: Target) -> None:
    assert found.scenario in SCENARIOS


def test_a_target_is_found_by_the_row_it_is_for() -> None:
    found = target("B2", "10 a second", "child_done_to_status_p99_ms")
    assert found is not None
    assert found.holds(50)
    assert not found.holds(50.1)
    assert target("B2", "30 a second", "child_done_to_status_p99_ms") is None
