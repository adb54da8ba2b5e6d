# SPDX-License-Identifier: Apache-2.0
"""What the environment of a run promises to those who set up its network."""

from pathlib import Path

from mlops_contract.environment import DEFAULT_RENDEZVOUS_PORT

RUNBOOKS = Path(__file__).parents[3] / "docs" / "operations" / "runbooks.md"


def test_the_port_that_network_policies_have_to_allow_is_the_one_of_the_runbook() -> None:
    assert f"TCP port {DEFAULT_RENDEZVOUS_PORT} of replica 0" in RUNBOOKS.read_text()
