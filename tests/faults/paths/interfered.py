# SPDX-License-Identifier: Apache-2.0
"""Somebody interferes with a path: at a write that a plan names, or where the path does it by itself.

The end is made the same whenever it happens: what would be there after some interferences and not
after others is deleted.
"""

from typing import ClassVar

from tests.faults.paths.base import Path
from tests.harness.namespaces import NAMESPACES


class Interfered(Path):
    """Something is done in the middle of a path.

    Attributes:
        action: what, if no plan says so.
    """

    derived = True
    action: ClassVar[str]

    async def play(self) -> None:
        await self.begin()
        if not self.interrupted:
            await self.come_midway()
            await self.act(self.action)
        await self.interference()
        await self.finish()

    async def begin(self) -> None:
        """Make what the path is about."""
        raise NotImplementedError

    async def come_midway(self) -> None:
        """Wait for the moment at which the path does it by itself."""
        raise NotImplementedError

    async def finish(self) -> None:
        """Go on after it to the end."""
        raise NotImplementedError


class NamespaceEnded(Interfered):
    """Its namespace is deleted."""

    action = "end_namespace"

    async def do_end_namespace(self) -> None:
        await self.client.delete(NAMESPACES, namespace=None, name=self.namespace)

    async def finish(self) -> None:
        await self.namespace_gone()
