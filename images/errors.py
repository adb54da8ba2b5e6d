# SPDX-License-Identifier: Apache-2.0
"""What can go wrong while images are made."""

from __future__ import annotations


class ImageBuildError(Exception):
    """A problem and its remedy: ``problem`` states what was expected and found, ``remedy`` what to do."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}\n  What to do: {remedy}")
        self.problem = problem
        self.remedy = remedy
