# SPDX-License-Identifier: Apache-2.0
"""A result as a short table, for users who run training code by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TextIO

from mlops_contract import Result


def print_summary(result: Result, *, output: str, stream: TextIO | None = None) -> None:
    """Print metrics, counts and artifacts of `result`, one per line, in columns."""
    lines = list(_lines(result))
    width = max((len(name) for name, _ in lines), default=0)
    target = sys.stdout if stream is None else stream
    for name, value in [*lines, ("output", output)]:
        print(f"{name:<{width}}  {value}", file=target)


def _lines(result: Result) -> Iterator[tuple[str, str]]:
    yield "run", result.uid
    for name, value in result.metrics.items():
        yield name, f"{value:.4f}"
    for name, count in result.counts.items():
        yield name, str(count)
    for artifact in result.artifacts:
        yield artifact.name, f"{artifact.uri} ({artifact.size} bytes, {artifact.digest})"
