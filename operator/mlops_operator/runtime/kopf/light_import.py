# SPDX-License-Identifier: Apache-2.0
"""kopf, imported without the `kubernetes` package: `from mlops_operator.runtime.kopf.light_import import kopf`.

kopf imports all of `kubernetes` when it finds it, only to recognise that package's model
classes: 19 MB and 0.65 s that nothing here uses. While kopf is imported that package is made
to look absent; afterwards it can be imported as ever (`kube/kubeconfig.py` does, outside a cluster).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _absent(package: str) -> Iterator[None]:
    """Within it, importing `package` fails as if it were not installed, unless it is imported already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # the import system's own mark for "not there"
    try:
        yield
    finally:
        del sys.modules[package]


with _absent("kubernetes"):
    import kopf

__all__ = ["kopf"]
