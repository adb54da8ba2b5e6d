# SPDX-License-Identifier: Apache-2.0
"""When a rejection ends.

A gate on recent rows may measure an artifact again that it refused, once enough rows are newer than those of all
measurements before. If the artifact passes then, the refusals on the older rows no longer stand. Nothing else ends one:
not that objects were deleted, not another gate, and not a pass on the same rows.
"""


def has_ended(newest_row: str | None, passed_after: str | None) -> bool:
    """Whether a later pass of the same gate and artifact ended a `Fail`.

    Args:
        newest_row: time of the newest row on which it failed; None where the rows were no recent ones.
        passed_after: the time after which the rows were new to the measurement that passed; None where none did.
    """
    return newest_row is not None and passed_after is not None and newest_row <= passed_after
