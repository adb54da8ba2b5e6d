# SPDX-License-Identifier: Apache-2.0
"""What one policy finds."""

from dataclasses import dataclass

from mlops_operator.api.evaluation import Verdict


@dataclass(frozen=True)
class Finding:
    """A verdict with the numbers it rests on, in words."""

    verdict: Verdict
    message: str
