# SPDX-License-Identifier: Apache-2.0
"""The operator and its workload image name the same formats."""

from mlops_operator.api.formats import FORMATS as DECLARED
from mlops_workload.formats import FORMATS


def test_the_api_names_the_formats_that_are_loaded() -> None:
    assert set(DECLARED) == set(FORMATS)
