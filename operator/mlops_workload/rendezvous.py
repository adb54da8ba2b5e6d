# SPDX-License-Identifier: Apache-2.0
"""Wait until all replicas of a run are there and find replica 0 by its name, before their programs start.

`python -m mlops_workload.rendezvous` runs as an init container of every replica, replica 0 included, and asks for
`MLOPS_COORDINATOR` as the program will: by getaddrinfo, in the same pod. The name exists from the moment at which
the cluster has published the address of replica 0's pod, about a second after that pod has one; its containers need
not run. Then all meet at replica 0 (`barrier`).

Exit codes: 0, or that of the error (`mlops_workload.errors`), which is also one line of JSON in the termination
message.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from mlops_contract import environment
from mlops_workload import barrier, barrier_client
from mlops_workload.errors import ConfigurationInvalidError, CoordinatorUnresolvedError
from mlops_workload.termination import run_command

FIRST_PAUSE: Final = 2.0
"""Seconds before the first lookup. DNS servers cache for 5 to 30 s that a name did not exist, and a kubelet reports
the address of a new pod only after a second: an immediate lookup would make all replicas wait for that cache."""

LONGEST_PAUSE: Final = 2.0
"""Maximum time between two lookups, in seconds: replica 0 does not wait for the others, once it has found itself."""

GROWTH: Final = 1.5
"""By how much the pause grows with each question without an address."""

CONFIRMATIONS: Final = 8
"""Addresses in a row after which the name is known. Each question goes to one of the cluster's DNS servers by chance:
where one of two still remembers that the name did not exist, eight in a row miss it once in 256 times."""

BETWEEN_CONFIRMATIONS: Final = 0.1
"""Seconds between these."""

PATIENCE: Final = 1800.0
"""Seconds until the replica gives up: half an hour, in which a cluster can add the node that replica 0 waits for.
A replica holds its own node's room meanwhile, so it does not wait for ever."""


def look_up(name: str) -> str | None:
    """The resolver's error for `name`; None if it has an address."""
    try:
        socket.getaddrinfo(name, None)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def pause_after(misses: int) -> float:
    """Seconds until the next lookup, after this number of lookups without an address."""
    # It is at its longest after the first few; the power need not be.
    return min(LONGEST_PAUSE, GROWTH ** min(misses - 1, 16))


def await_name(
    name: str,
    *,
    ask: Callable[[str], str | None] = look_up,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Wait until `name` has an address, whichever of the cluster's DNS servers is asked.

    Args:
        name: a DNS name.
        ask: returns the resolver's error for a name; None if it has an address.
        sleep: waits for some seconds.
        clock: the time in seconds.

    Returns:
        The seconds that it took.

    Raises:
        CoordinatorUnresolvedError: it had none for `PATIENCE`.
    """
    began = clock()
    found = misses = 0
    pause = FIRST_PAUSE
    while found < CONFIRMATIONS:
        sleep(pause)
        problem = ask(name)
        if problem is None:
            found += 1
            pause = BETWEEN_CONFIRMATIONS
            continue
        found = 0
        misses += 1
        pause = pause_after(misses)
        if misses == 1:
            print(f"waiting for replica 0: {name}: {problem}")
        if clock() - began + pause > PATIENCE:
            raise CoordinatorUnresolvedError(
                f"expected an address of replica 0, {name}, within {PATIENCE:.0f} s, found: {problem}; its pod has not "
                "started, or has ended before this one started, or this pod cannot reach the cluster's DNS"
            )
    return clock() - began


def meet(name: str, port: int, *, gang: str, rank: int, ranks: int) -> None:
    """Wait until replica 0 is found by its name and, unless `port` is 0, until all replicas are there.

    Raises:
        CoordinatorUnresolvedError: replica 0 has no address.
        CoordinatorUnreachableError: it does not answer.
        RanksMissingError: not all were there in time.
    """
    if rank or not port:
        print(f"replica 0 is found as {name}, after {await_name(name):.1f} s")
        if port:
            # Replica 0 is heard within `REACH` and knows who is missing: it is to be the first to give up.
            barrier_client.join(name, port, gang=gang, rank=rank, patience=PATIENCE + barrier_client.REACH)
        return
    with barrier.Barrier(barrier.listen(port), gang=gang, ranks=ranks) as held:
        print(f"replica 0 is found as {name}, after {await_name(name):.1f} s")
        held.hold(PATIENCE)


def _command() -> None:
    name = os.environ.get(environment.COORDINATOR)
    if not name:
        raise ConfigurationInvalidError(f"expected the name of replica 0 in {environment.COORDINATOR}, found none")
    port = _number(environment.RENDEZVOUS_PORT, environment.DEFAULT_RENDEZVOUS_PORT)
    if port and not 1024 <= port <= 65535:
        raise ConfigurationInvalidError(
            f"{environment.RENDEZVOUS_PORT}: expected a port from 1024 to 65535, or 0, found {port}"
        )
    began = time.monotonic()
    meet(
        name,
        port,
        gang=os.environ.get(environment.GANG) or "-",
        rank=_number(environment.REPLICA_INDEX, 0),
        ranks=_number(environment.REPLICAS, 1),
    )
    print(f"this replica starts after {time.monotonic() - began:.1f} s")


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ConfigurationInvalidError(f"{variable}: expected a whole number of at most 5 digits, found {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    argparse.ArgumentParser(prog="mlops_workload.rendezvous", description=__doc__).parse_args(argv)
    return run_command(_command)


if __name__ == "__main__":
    sys.exit(main())
