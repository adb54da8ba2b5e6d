# SPDX-License-Identifier: Apache-2.0
"""The kubectl of the cluster's own version, for tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from localcluster import Cluster
from localcluster.client import wait_for
from localcluster.tools import ensure_tools


class Kubectl:
    """The kubectl of the cluster's version, on one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._command = [str(ensure_tools() / "kubectl"), "--kubeconfig", str(cluster.kubeconfig)]

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        command = [*self._command, *arguments]
        result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{' '.join(arguments)}: {result.stderr}"
        return result.stdout

    def apply(self, *manifests: dict[str, Any]) -> None:
        self("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))

    def get(self, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self("get", *arguments, "-o", "json")))

    def wait(self, reached: Callable[[], bool], *, seconds: float, else_show: tuple[str, ...]) -> None:
        """Wait for a condition; on failure show what else could explain it."""
        if not wait_for(reached, seconds=seconds):
            pytest.fail(f"not reached within {seconds} s\n{self(*else_show)}")

    def run_job(self, name: str, image: str, program: str, **pod: Any) -> str:
        """Run a Python program in a pod to its success; its output."""
        container = {
            "name": "main",
            "image": image,
            "command": ["python3", "-c", program],
            "volumeMounts": pod.pop("mounts", []),
            "securityContext": pod.pop("container_security", {}),
        }
        spec = {"restartPolicy": "Never", "containers": [container], **pod}
        self.apply(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name},
                "spec": {"backoffLimit": 0, "template": {"spec": spec}},
            }
        )

        def ended() -> bool:
            status = self.get("job", name)["status"]
            return bool(status.get("succeeded") or status.get("failed"))

        self.wait(ended, seconds=60, else_show=("describe", "pods", "-l", f"job-name={name}"))
        output = self("logs", f"job/{name}")
        assert self.get("job", name)["status"].get("succeeded") == 1, output
        return output
