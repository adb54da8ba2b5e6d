# SPDX-License-Identifier: Apache-2.0
"""The cable between the machine and a node.

The node has no default route: nothing in it reaches anything outside this machine, and the machine forwards nothing
for it. The machine gets one device and three routes, which go when the node's network namespace goes.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
from pathlib import Path

from localcluster.client import wait_for
from localcluster.errors import CommandFailed, StillBusy
from localcluster.native.addresses import Addresses
from localcluster.native.namespaces import Node
from localcluster.run import run

#: The kernel takes network namespaces apart in the background, a moment after their last process.
_REMOVE_SECONDS = 10.0


def routed() -> list[ipaddress.IPv4Network]:
    """Every range the machine already has a route to, but for default routes."""
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "table", "all") or "[]")
    return [ipaddress.IPv4Network(route["dst"]) for route in routes if route["dst"] != "default"]


def connect(addresses: Addresses, node: Node) -> None:
    """Lay the cable and set the routes on both sides."""
    prefix = addresses.link.prefixlen
    # A peer named by pid is made inside the other namespace at once: no moment in which it is the machine's.
    run("ip", "link", "add", addresses.device, "type", "veth", "peer", "name", "eth0", "netns", str(node.pid))
    _batch(
        [
            f"address add {addresses.machine}/{prefix} dev {addresses.device}",
            f"link set {addresses.device} up",
            f"route add {addresses.pods} via {addresses.node} dev {addresses.device}",
            f"route add {addresses.services} via {addresses.node} dev {addresses.device}",
        ]
    )
    inside = [
        "link set lo up",
        f"address add {addresses.node}/{prefix} dev eth0",
        "link set eth0 up",
        # Services have no route of their own; without one, the node's own packets to them never reach the rule that
        # rewrites their destination.
        f"route add {addresses.services} dev eth0",
        # No default route, and an immediate answer instead of none.
        "route add unreachable default metric 4096",
    ]
    node.run("ip", "-batch", "-", stdin="\n".join(inside))
    _set_sysctls(node)


def _set_sysctls(node: Node) -> None:
    """Of the node's own network namespace only.

    Redirects would give local clients a shorter route to a Service without endpoints, and they would try it for seconds
    instead of taking the refusal.
    """
    settings = {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.all.send_redirects": "0",
        "net.ipv4.conf.default.send_redirects": "0",
        "net.ipv4.conf.eth0.send_redirects": "0",
    }
    node.run(
        "sh",
        "-eu",
        "-c",
        "".join(f"echo {value} > /proc/sys/{key.replace('.', '/')};" for key, value in settings.items()),
    )


def disconnect(addresses: Addresses) -> None:
    """Take the machine's end away, if it is there; its routes go with it."""
    with contextlib.suppress(CommandFailed):  # it is not there
        run("ip", "link", "delete", addresses.device)
    # The kernel may be at it already, because the namespace at the other end was removed.
    if not wait_for(lambda: not is_connected(addresses), seconds=_REMOVE_SECONDS):
        raise StillBusy(
            f"expected the device {addresses.device} to go with its node, found it still there",
            remedy=f"`ip link delete {addresses.device}`, then try again",
        )


def is_connected(addresses: Addresses) -> bool:
    """Whether the machine has the device of that slot."""
    return Path("/sys/class/net", addresses.device).exists()


def _batch(lines: list[str]) -> None:
    run("ip", "-batch", "-", stdin="\n".join(lines))
