# SPDX-License-Identifier: Apache-2.0
"""The tables of the decision rules: the page is that of the kept tables, and simulations run."""

from pathlib import Path

import numpy as np
import pytest

from bench.decisions import gate_sets, popular
from bench.decisions.__main__ import main
from bench.decisions.catalog import SIMULATIONS
from bench.decisions.models import label_pair
from bench.decisions.table import Table, load, markdown, save

TABLE = Table(title="shares", note="Simulated.", columns=("rows", "share"), rows=[[30, 0.02512345], ["all", 1]])


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    save("one", TABLE, tmp_path)
    kept = load("one", tmp_path)
    assert kept is not None
    assert markdown("one", kept) == markdown("one", TABLE)
    assert "| 30 | 0.02512 |" in markdown("one", TABLE)
    assert load("other", tmp_path) is None


def test_the_kept_page_is_that_of_the_kept_tables() -> None:
    assert main(["--check"]) == 0


def test_a_page_that_is_not_that_of_the_tables_is_found(tmp_path: Path) -> None:
    save(next(iter(SIMULATIONS)), TABLE, tmp_path)
    assert main(["--check", "--output", str(tmp_path)]) == 1


def test_an_unknown_table_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "expected tables of levels, accuracy" in capsys.readouterr().err


def test_counters_of_canaries_have_the_published_figures() -> None:
    (first, second) = popular.canaries(quick=True).rows
    assert first[2:] == pytest.approx([0.5252, 0.7024, 0.0105], abs=1e-4)
    assert second[2] == pytest.approx(0.9987, abs=1e-4)


def test_gates_on_the_same_rows_stay_below_five_percent_together() -> None:
    for row in gate_sets.sequence(quick=True).rows:
        _, shipped, every, higher = map(float, row)
        # Three standard errors above 4.1 % in 50 sequences
        assert shipped <= 0.041 + 3 * (0.041 * 0.959 / 50) ** 0.5
        assert every > 0.2
        assert higher == 1.0


@pytest.mark.parametrize("better", [-0.05, 0.0, 0.02])
def test_simulated_pairs_have_the_stated_difference(better: float) -> None:
    true, candidate, baseline = label_pair(
        np.random.default_rng(1), 200_000, accuracy=0.9, discordance=0.08, better=better
    )
    right, base_right = candidate == true, baseline == true
    assert right.mean() - base_right.mean() == pytest.approx(better, abs=0.002)
    assert (right != base_right).mean() == pytest.approx(0.08, abs=0.002)
    assert base_right.mean() == pytest.approx(0.9, abs=0.002)
