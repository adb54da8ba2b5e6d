# SPDX-License-Identifier: Apache-2.0
"""Take away a node, or a Docker in namespaces like a node's."""

from __future__ import annotations

import shutil

from localcluster import process
from localcluster.native import cgroups, network
from localcluster.native.addresses import Addresses
from localcluster.native.slots import Claim


def remove_node(slot: int, claim: Claim) -> None:
    """End it and take away what the machine has of it."""
    addresses = Addresses(slot)
    if claim.node is not None:
        process.stop(claim.node)
    network.disconnect(addresses)
    cgroups.remove(addresses.cgroup)


def remove_abandoned(slot: int, claim: Claim) -> None:
    """The same for a cluster whose folder was swept away; its processes may have written there since."""
    remove_node(slot, claim)
    shutil.rmtree(claim.owner, ignore_errors=True)
