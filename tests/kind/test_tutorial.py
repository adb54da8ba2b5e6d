# SPDX-License-Identifier: Apache-2.0
"""The tutorial, typed without a pause, in its order, with the kubectl that it names."""

import os
import subprocess

import pytest

from demo.platform import ROOT, Platform
from demo.story import NAMESPACE
from tests.harness.console import commands

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1800)]

TUTORIAL = ROOT / "docs/getting-started/tutorial.md"

MADE_BY_FIXTURES = ("make cluster", "make clean-cluster", "export KUBECONFIG=", "export PATH=")
"""Commands about the cluster itself, which the tests make and keep."""


def test_its_commands_work_when_typed_one_after_another(platform: Platform) -> None:
    # Given a cluster without what another story left
    platform.kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true", timeout=180)
    typed = [c for c in commands(TUTORIAL.read_text()) if not c.startswith(MADE_BY_FIXTURES)]
    kubeconfig = platform.cluster.folder / "tutorial-kubeconfig"  # the tutorial changes the context's namespace
    kubeconfig.write_text(platform.cluster.kubeconfig.read_text())
    kubeconfig.chmod(0o600)
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": f"{platform.tools}:{os.environ['PATH']}"}
    # When it is typed into a shell that stops at the first command that fails
    script = "set -e -o pipefail\n" + "\n".join(f"echo '+++' {n} >&2\n{c}" for n, c in enumerate(typed))
    done = subprocess.run(
        ["bash"], input=script, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500, check=False
    )
    # Then every command has worked
    print(done.stdout)
    reached = [line for line in done.stderr.splitlines() if line.startswith("+++")]
    assert done.returncode == 0, (typed[len(reached) - 1], done.stderr[-3000:])
    assert len(reached) == len(typed)
