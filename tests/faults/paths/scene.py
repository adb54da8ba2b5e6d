# SPDX-License-Identifier: Apache-2.0
"""What several paths find when they begin: a Model whose alias points at a verified version.

An operator did all that in former times, by the same rules: its writes are no part of the path.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS, PROMOTIONS
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.work.executor import Executor, Outdated
from tests.faults.paths.base import PATIENCE, Path
from tests.harness.waiting import eventually
from tests.integration.workshop import condition, digest_of

MODEL: Final = "digits"
ALIAS: Final = "champion"

FIRST: Final = "digits-a"
SECOND: Final = "digits-b"
THIRD: Final = "digits-c"

LONG_AGO: Final = "2026-01-01T00:00:00Z"


async def _at_once() -> bool:
    return True


class Scene(Path):
    """A Model, its versions, and an alias that Promotions move."""

    async def set_up(self, *versions: str, golden: bool = False, pointing: bool = True, **alias: Any) -> None:
        """A Model with verified versions, the alias pointing at the first, all as the operator leaves it.

        Args:
            versions: names of the ModelVersions.
            golden: whether they have golden requests.
            pointing: False: the alias points at nothing.
            alias: more of the alias's spec, e.g. its gate.
        """
        await self.create(MODELS, MODEL, {"aliases": [{"name": ALIAS}]})
        for name in versions:
            await self._version(name, golden=golden)
        if pointing:
            await self._point(versions[0])
        if alias:  # its gate came later, so the first version did not have to pass it
            await self.edit(MODELS, MODEL, spec={"aliases": [{"name": ALIAS, **alias}]})
        await self.settle()

    async def promote(self, version: str, *, name: str = "") -> Manifest:
        """Ask that the alias point at `version`."""
        spec = {"model": MODEL, "alias": ALIAS, "version": version}
        return await self.create(PROMOTIONS, name or f"to-{version}", spec)

    async def serve(self, **spec: Any) -> None:
        """The ModelDeployment."""
        await self.create(MODEL_DEPLOYMENTS, MODEL, {"model": {"name": MODEL, "alias": ALIAS}, **spec})

    async def served(self, **spec: Any) -> None:
        """The ModelDeployment, as the operator leaves it when it serves."""
        await self.serve(**{"rollout": {"steps": [], "bake": "0s"}, **spec})
        await self.settle(until=self._serves)

    async def _serves(self) -> bool:
        found = await self.get(MODEL_DEPLOYMENTS, MODEL)
        return condition(found.get("status") or {}, "Ready") == ("True", "Serving")

    async def _version(self, name: str, *, golden: bool) -> None:
        spec: Manifest = {
            "model": MODEL,
            "artifact": {"uri": f"pvc://store/{name}", "digest": digest_of(name), "format": "sklearn"},
        }
        if golden:
            spec["goldenRequests"] = {"uri": f"pvc://store/{name}.golden", "digest": digest_of(f"{name} golden")}
        await self.create(MODEL_VERSIONS, name, spec)
        await self.say(MODEL_VERSIONS, name, {"verifiedAt": LONG_AGO})

    async def _point(self, version: str) -> None:
        promotion = await self.promote(version, name="first")
        passed = {
            "type": "GatePassed",
            "status": "True",
            "reason": "NoGate",
            "message": "",
            "observedGeneration": 1,
            "lastTransitionTime": LONG_AGO,
        }
        obj = await self.get(MODEL_VERSIONS, version)
        uid, digest = obj["metadata"]["uid"], digest_of(version)
        status = {"phase": "Promoting", "observedGeneration": 1, "conditions": [passed]}
        await self.say(PROMOTIONS, "first", {**status, "candidate": {"name": version, "uid": uid, "digest": digest}})
        identity = {"version": version, "versionUid": uid, "digest": digest}
        entry = {"name": ALIAS, **identity, "promotion": "first", "since": LONG_AGO}
        await self.say(MODELS, MODEL, {"aliases": [{**entry, "promotionUid": promotion["metadata"]["uid"]}]})

    async def settle(self, *, until: Callable[[], Awaitable[bool]] = _at_once) -> None:
        """Do what the operator's rules come to, until `until` holds and they come to nothing more."""

        async def rested() -> bool:
            return not await self._look_around() and await until()

        await eventually(rested, within=PATIENCE, every=0.1)

    async def _look_around(self) -> bool:
        """Look at every object of ours once; returns whether anything was to be done."""
        controllers = {entry.resource: entry for entry in all_controllers(Settings())}
        world = Cache(controllers.values())
        for resource in world.stores:
            for found in await self.all(resource):
                world.observe(resource, found)
        executor = Executor(self.client, world, instance="before")
        busy = False
        for resource, controller in controllers.items():
            for key in list(world.store(resource)):
                obj = world.store(resource).get(key)
                assert obj is not None
                now = datetime.now(UTC).replace(microsecond=0)
                plan = controller.plan(obj, world, {}, now)
                if executor.has_work(obj, plan):
                    busy = True
                    with suppress(Outdated):
                        await executor.execute(resource, obj, plan, now=now)
        return busy
