# SPDX-License-Identifier: Apache-2.0
"""kubectl that fails, as the command line reports it."""

from pathlib import Path

import pytest

from localcluster import LocalClusterError
from localcluster.kubectl import Kubectl


def test_a_refusal_is_an_error_that_the_command_line_knows(tmp_path: Path) -> None:
    binary = tmp_path / "kubectl"
    binary.write_text("#!/bin/sh\necho 'the server says no' >&2\nexit 1\n")
    binary.chmod(0o755)
    with pytest.raises(LocalClusterError, match="kubectl get pods: the server says no"):
        Kubectl(binary, tmp_path / "kubeconfig").run("get", "pods")
