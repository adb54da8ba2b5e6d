# SPDX-License-Identifier: Apache-2.0
"""Resampling by counts has the distribution of resampling rows."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from mlops_workload.metrics import metric_named
from mlops_workload.paired import Cells, cells, code
from mlops_workload.resampling import MAX_ELEMENTS, resamples
from mlops_workload.rows import Rows

NAMES = ("accuracy", "balanced_accuracy", "f1_macro")


def labeled(y: np.ndarray, groups: np.ndarray | None = None) -> Rows:
    count = len(y)
    return Rows(
        x=np.zeros((count, 0)),
        y=y,
        slices=np.full(count, ""),
        labeled=np.ones(count, dtype=np.bool_),
        groups=None if groups is None else groups.astype(np.str_),
    )


def drawn_rows(count: int, *, seed: int, groups: np.ndarray | None = None) -> tuple[Rows, Cells]:
    """Rows of three classes, 70, 20 and 10 %, and two models that are right in 85 %."""
    generator = np.random.default_rng(seed)
    true = generator.choice(3, count, p=[0.7, 0.2, 0.1])
    candidate, baseline = (
        np.where(generator.random(count) < 0.85, true, generator.integers(0, 4, count)) for _ in range(2)
    )
    rows = labeled(true, groups)
    coded = code(rows, candidate, baseline)
    return rows, cells(coded, np.arange(count))


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_distribution_of_the_bootstrap_of_rows(name: str) -> None:
    _, found = drawn_rows(200, seed=1)
    metric = metric_named(name)
    assert metric.of_counts is not None
    by_counts = np.concatenate(
        [
            metric.of_counts(block, found.of_candidate) - metric.of_counts(block, found.of_baseline)
            for block in resamples(found, None, seed=2, samples=3000)
        ]
    )
    drawn = np.random.default_rng(3).integers(0, 200, (3000, 200))
    content = np.stack([np.bincount(found.of_row[index], minlength=len(found.rows)) for index in drawn]).astype(float)
    by_rows = metric.of_counts(content, found.of_candidate) - metric.of_counts(content, found.of_baseline)
    assert ks_2samp(by_counts, by_rows).pvalue > 0.01


def test_whole_groups_are_drawn() -> None:
    # Given 50 groups of 4 equal rows each, an effective sample of 50
    groups = np.repeat(np.arange(50), 4)
    _, single = drawn_rows(50, seed=5)
    true, candidate, baseline = (
        np.repeat(column[single.of_row], 4) for column in (single.truth, single.candidate, single.baseline)
    )
    rows = labeled(true, groups)
    coded = code(rows, candidate, baseline)
    assert coded.groups is not None
    found = cells(coded, np.arange(200))
    metric = metric_named("accuracy")
    assert metric.of_counts is not None
    grouped = np.concatenate(
        [metric.of_counts(block, found.of_candidate) for block in resamples(found, coded.groups, seed=1)]
    )
    alone = np.concatenate([metric.of_counts(block, single.of_candidate) for block in resamples(single, None, seed=1)])
    # Then the spread is that of 50 rows, twice that of 200 independent ones
    assert grouped.std() == pytest.approx(alone.std(), rel=0.08)


@pytest.mark.parametrize("grouped", [False, True])
def test_blocks_are_bounded_and_every_resample_has_all_rows(grouped: bool) -> None:
    count = 20_000
    rows, found = drawn_rows(count, seed=7, groups=np.arange(count))
    groups = code(rows, rows.y, None).groups if grouped else None
    blocks = list(resamples(found, groups, seed=1, samples=500))
    assert sum(len(block) for block in blocks) == 500
    assert max(block.size for block in blocks) <= MAX_ELEMENTS
    assert all((block.sum(axis=1) == count).all() for block in blocks)
    assert len(blocks) == (3 if grouped else 1)


def test_the_same_seed_gives_the_same_resamples() -> None:
    _, found = drawn_rows(100, seed=1)
    one, other = (np.concatenate(list(resamples(found, None, seed=4, samples=50))) for _ in range(2))
    assert (one == other).all()
