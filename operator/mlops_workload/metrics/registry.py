"""The names of the metrics and what each needs."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from mlops_workload.errors import MetricInvalidError
from mlops_workload.metrics.classification import accuracy, balanced_accuracy, f1_macro, log_loss


class Metric(NamedTuple):
    """A metric: a function of `(y_true, y_pred)`.

    With `of_probabilities`, `y_pred` is a matrix of class probabilities and `y_true` holds
    column indices; otherwise both are labels.
    """

    name: str
    function: Callable[[NDArray[Any], NDArray[Any]], float]
    of_probabilities: bool = False


METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", accuracy),
        Metric("balanced_accuracy", balanced_accuracy),
        Metric("f1_macro", f1_macro),
        Metric("log_loss", log_loss, of_probabilities=True),
    )
}


def metric_named(name: str) -> Metric:
    """The metric called `name`.

    Raises:
        MetricInvalidError: there is none; the known ones are named.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise MetricInvalidError(f"expected a metric of {sorted(METRICS)}, found {name!r}") from None
