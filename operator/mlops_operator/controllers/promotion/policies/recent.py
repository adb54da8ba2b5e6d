"""Whether a gate on recent rows may measure an artifact once more.

The rows of such a gate differ from one measurement to the next, so a result is no reason to refuse for all time. But a
new measurement must rest on new rows, or it would be a second draw on the old ones.
"""

from mlops_operator.api.modelversion import GateResult


def too_few_new_rows(last: GateResult | None, *, newer: int, min_count: int) -> str | None:
    """Why the measurement is refused; None where it is not.

    Args:
        last: the artifact's last result of this gate; None where there is none.
        newer: labeled rows that are newer than the newest of that result.
        min_count: the greatest `minCount` of the gate's rules.
    """
    if last is None or newer >= min_count:
        return None
    since = f" than {last.newest_row}" if last.newest_row else ""
    return f"expected at least {min_count} labeled rows that are newer{since}, found {newer}"
