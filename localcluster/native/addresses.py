# SPDX-License-Identifier: Apache-2.0
"""The addresses of a cluster, derived from its slot number."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

#: Slots 0 to 63: each has 1,022 pod addresses and 1,022 Service addresses.
SLOTS = 64

_LINKS = ipaddress.IPv4Network("10.89.0.0/16")
_PODS = ipaddress.IPv4Network("10.244.0.0/16")
_SERVICES = ipaddress.IPv4Network("10.98.0.0/16")
_RANGE_PREFIX = 22


def _part(network: ipaddress.IPv4Network, prefix: int, number: int) -> ipaddress.IPv4Network:
    size = 1 << (32 - prefix)
    return ipaddress.IPv4Network((int(network.network_address) + number * size, prefix))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Everything that two clusters side by side must not share."""

    slot: int

    @property
    def link(self) -> ipaddress.IPv4Network:
        """The two addresses of the cable between the machine and the node."""
        return _part(_LINKS, 30, self.slot)

    @property
    def machine(self) -> str:
        """The machine's address on the cable."""
        return str(self.link[1])

    @property
    def node(self) -> str:
        """The node's address."""
        return str(self.link[2])

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """Where pods get their addresses from."""
        return _part(_PODS, _RANGE_PREFIX, self.slot)

    @property
    def services(self) -> ipaddress.IPv4Network:
        """Where Services get their addresses from."""
        return _part(_SERVICES, _RANGE_PREFIX, self.slot)

    @property
    def api_service(self) -> str:
        """The ``kubernetes`` Service: always the first address of the range."""
        return str(self.services[1])

    @property
    def dns(self) -> str:
        """The cluster DNS: by custom the tenth address of the range."""
        return str(self.services[10])

    @property
    def device(self) -> str:
        """The machine's end of the cable; names of network devices hold 15 characters."""
        return f"mlops{self.slot}"

    @property
    def cgroup(self) -> str:
        """The cgroup below which all pods are."""
        return f"mlops-{self.slot}"

    def networks(self) -> list[ipaddress.IPv4Network]:
        """All three ranges."""
        return [self.link, self.pods, self.services]
