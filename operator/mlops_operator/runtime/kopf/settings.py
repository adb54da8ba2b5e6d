# SPDX-License-Identifier: Apache-2.0
"""Settings under which kopf only watches: no writes, no waiting, no scanning.

Each setting answers a measured fact about kopf 1.45; docs/design/0010-engine.md has the list.
"""

from typing import Any

from mlops_operator.kube.watch import SILENCE
from mlops_operator.runtime.kopf.light_import import kopf


class _NoDiffBase(kopf.DiffBaseStorage):
    """Remembers nothing of an object between its changes: the cache does."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:  # noqa: ARG002
        return {}

    def fetch(self, *, body: Any) -> None:  # noqa: ARG002
        return None

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Nothing is stored."""


class _NoProgress(kopf.ProgressStorage):
    """Remembers nothing of handlers' progress: there are no handlers that progress."""

    def fetch(self, *, key: Any, body: Any) -> None:  # noqa: ARG002
        return None

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        """Nothing is stored."""

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        """Nothing is stored."""

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        """Nothing is stored."""

    def clear(self, *, essence: Any) -> Any:
        return essence


def quiet_settings() -> kopf.OperatorSettings:
    """`kopf.OperatorSettings` for an adapter that only passes events on."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.peering.standalone = True
    settings.scanning.disabled = True  # needs no right to read definitions and namespaces; the adapter restarts instead
    settings.queueing.worker_limit = None  # a limit and the idle time together block the line
    settings.queueing.idle_timeout = 0.1
    settings.queueing.exit_timeout = 1.0
    settings.process.ultimate_exiting_timeout = None  # the process is the manager's to end
    settings.networking.connect_timeout = 5.0
    settings.networking.request_timeout = 30.0
    settings.networking.error_backoffs = (0.1, 0.5, 1.0, 2.0)
    settings.watching.server_timeout = 300
    settings.watching.connect_timeout = 5.0
    settings.watching.inactivity_timeout = SILENCE
    settings.watching.initial_streaming = False  # it can miss objects
    return settings
