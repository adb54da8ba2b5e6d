# SPDX-License-Identifier: Apache-2.0
"""A cluster with the operator in it, for a session of tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from demo.platform import Platform


@contextmanager
def running(platform: Platform, *, keep: bool) -> Iterator[Platform]:
    """The platform, made anew and gone afterwards; with `keep`, taken up as it is and left running."""
    if not keep:
        platform.down()  # what a killed run left
    try:
        platform.up()
        yield platform
    finally:
        if not keep:
            platform.down()
