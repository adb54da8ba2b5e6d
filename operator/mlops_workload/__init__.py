# SPDX-License-Identifier: Apache-2.0
"""The data plane: what runs inside the pods, and the SDK for training code.

`run` is for users. The rest are commands the operator starts: `fetch`, `evaluate`,
`monitor`, `golden` and `serve`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_workload.sdk import Run, run

__all__ = ["Run", "run"]


def __getattr__(name: str) -> Any:
    # The commands start in every pod; they should not pay for importing the SDK and numpy.
    if name in __all__:
        from mlops_workload import sdk

        return getattr(sdk, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
