# SPDX-License-Identifier: Apache-2.0
"""What the API server wrote down about one client since the tests began."""

import json
from datetime import datetime
from pathlib import Path

from localcluster.kubectl import Manifest


class SessionAudit:
    """Reads the audit log of a cluster that may have been running before.

    Args:
        path: the API server's audit log.
        since: entries of requests received before this are left out.
    """

    def __init__(self, path: Path, since: datetime) -> None:
        self._path = path
        self._since = since

    def of(self, user: str) -> list[Manifest]:
        """Entries of complete requests of a user."""
        found = []
        for line in self._path.read_text().splitlines():
            entry: Manifest = json.loads(line)
            if entry["stage"] != "ResponseComplete" or entry["user"]["username"] != user:
                continue
            if datetime.fromisoformat(entry["requestReceivedTimestamp"]) >= self._since:
                found.append(entry)
        return found

    def lacked_rights(self, user: str) -> list[str]:
        """Verb and path of each request of a user that RBAC refused.

        A namespace that is being deleted refuses new objects too, but not for want of a right.
        """
        return [
            f"{entry['verb']} {entry['requestURI']}"
            for entry in self.of(user)
            if (entry.get("annotations") or {}).get("authorization.k8s.io/decision") == "forbid"
        ]
