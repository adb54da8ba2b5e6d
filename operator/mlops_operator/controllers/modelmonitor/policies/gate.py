# SPDX-License-Identifier: Apache-2.0
"""What a version's gate says of a metric, as the first reference of its windows.

The gate's rows are one sample. Its number of rows is the reference's, so a prediction limit holds the uncertainty of
the gate as it holds that of windows.
"""

from collections.abc import Sequence

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.modelmonitor import ReferenceStatus, ReferenceWindow, WindowStatus
from mlops_operator.api.modelversion import GateFigure, GateResult


def gate_reference(metric: str, window: WindowStatus, gates: Sequence[GateResult]) -> ReferenceStatus | None:
    """The figure by which the artifact of `window` passed its latest gate; None where no gate it passed measured
    `metric`.

    Args:
        metric: its name.
        window: of the version.
        gates: results that are recorded on that version, the latest last.
    """
    for result in reversed(gates):
        figure = next((entry for entry in result.figures if entry.name == metric), None)
        if figure is None or result.verdict is not Verdict.PASS or result.digest != window.digest:
            continue
        part = ReferenceWindow(start=result.time, value=figure.value, n=figure.n, effective=_independent(figure))
        return ReferenceStatus(
            metric=metric,
            version=window.version,
            digest=window.digest,
            windows=(part,),
            level=figure.value,
            complete=True,
            evaluation=result.evaluation,
        )
    return None


def _independent(figure: GateFigure) -> float:
    """Rows whose share of right answers is at most as certain as the figure is.

    A mean over classes is at least as certain as a share of as many rows as the rarest class has: each class has at
    least these, and the variance of the mean is at most the mean of the variances. (For F1 this holds from about 0.6.)
    """
    return float(max(1, figure.n if figure.rarest_class is None else figure.rarest_class))
