# SPDX-License-Identifier: Apache-2.0
"""The cause of a failed `kind create cluster`: at most 20 lines, no trace of Go."""

from __future__ import annotations

import pytest

from localcluster.kindhost.failure import LINES, WIDTH, cause

PORT_TAKEN = """\
Creating cluster "one" ...
 • Ensuring node image (kindest/node:v1.37.0) 🖼  ...
 ✓ Ensuring node image (kindest/node:v1.37.0) 🖼
 • Preparing nodes 📦   ...
 ✗ Preparing nodes 📦
Deleted nodes: ["one-control-plane"]
ERROR: failed to create cluster: command "docker run --name one-control-plane kindest/node:v1.37.0" failed with error: \
exit status 125

Command Output: 3f1d
docker: Error response from daemon: Bind for 127.0.0.1:6443 failed: port is already allocated.

Stack Trace:
sigs.k8s.io/kind/pkg/errors.WithStack
\tsigs.k8s.io/kind@v0.33.0/pkg/errors/errors.go:59
sigs.k8s.io/kind/pkg/exec.(*LocalCmd).Run
\tsigs.k8s.io/kind@v0.33.0/pkg/exec/local.go:124
"""

KUBEADM = """\
ERROR: failed to create cluster: failed to init node with kubeadm: command "docker exec --privileged one-control-plane \
kubeadm init --config=/kind/kubeadm.conf --v=6" failed with error: exit status 1

Command Output: I1128 10:00:00.000000     180 initconfiguration.go:261] loading configuration
I1128 10:00:01.000000     180 round_trippers.go:553] GET https://one-control-plane:6443/livez 0 milliseconds
W1128 10:00:02.000000     180 kubelet.go:12] cgroup v1 is deprecated
[kubelet-check] The kubelet is not healthy after 4m0.000s
[kubelet-check] The kubelet is not healthy after 4m0.000s

Unfortunately, an error has occurred, likely caused by:
\t- The kubelet is not running

error: error execution phase wait-control-plane: failed while waiting for the kubelet to start
k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow.(*Runner).Run.func1
\tk8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow/runner.go:262
k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow.(*Runner).visitAll
\tk8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow/runner.go:446
github.com/spf13/cobra.(*Command).execute
\tgithub.com/spf13/cobra@v1.9.1/command.go:1015
main.main
\tk8s.io/kubernetes/cmd/kubeadm/kubeadm.go:25
runtime.main
\truntime/proc.go:283
runtime.goexit
\truntime/asm_amd64.s:1700
"""


def test_what_docker_says_is_kept_and_the_trace_of_kind_is_not() -> None:
    lines = cause(PORT_TAKEN).splitlines()

    assert lines[0].startswith("ERROR: failed to create cluster: command")
    assert lines[-1].endswith("port is already allocated.")
    assert not [line for line in lines if ".go:" in line or "Trace" in line or "Preparing" in line]


def test_kubeadms_error_is_kept_and_its_trace_and_verbose_log_are_not() -> None:
    lines = cause(KUBEADM).splitlines()

    assert lines[1:] == [
        "W1128 10:00:02.000000     180 kubelet.go:12] cgroup v1 is deprecated",
        "[kubelet-check] The kubelet is not healthy after 4m0.000s",
        "Unfortunately, an error has occurred, likely caused by:",
        "\t- The kubelet is not running",
        "error: error execution phase wait-control-plane: failed while waiting for the kubelet to start",
    ]


@pytest.mark.parametrize("count", [LINES - 1, LINES, LINES + 1, 500])
def test_the_first_line_and_the_last_ones_are_kept(count: int) -> None:
    output = "\n".join(["ERROR: failed", *(f"line {number}" for number in range(1, count))])

    lines = cause(output).splitlines()

    assert len(lines) == min(count, LINES)
    assert (lines[0], lines[-1]) == ("ERROR: failed", f"line {count - 1}")
    assert ("…" in lines) == (count > LINES)


def test_a_long_line_is_cut_and_colors_are_taken_out() -> None:
    assert cause(f"\x1b[31mERROR\x1b[0m: {'x' * 3000}") == f"ERROR: {'x' * (WIDTH - 8)}…"


@pytest.mark.parametrize("output", ["", "\n\n"])
def test_no_output_is_no_cause(output: str) -> None:
    assert cause(output) == ""


def test_output_of_a_program_that_is_not_kind_is_kept() -> None:
    assert cause("kind: cannot execute binary file\n") == "kind: cannot execute binary file"
