"""What several paths find when they begin: a Model whose alias points at a verified version.

An operator did all that in former times: its writes are no part of the path.
"""

from datetime import UTC, datetime
from typing import Any, Final

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS, OWN, PROMOTIONS
from mlops_operator.runtime.cache import Cache
from mlops_operator.runtime.merge import merge_patch
from tests.faults.paths.base import Path
from tests.integration.workshop import digest_of

MODEL: Final = "digits"
ALIAS: Final = "champion"

FIRST: Final = "digits-a"
SECOND: Final = "digits-b"
THIRD: Final = "digits-c"

LONG_AGO: Final = "2026-01-01T00:00:00Z"

LOOKS: Final = 10
"""Rounds in which a scene's statuses follow from each other; more mean that they never rest."""


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
        await self._settle()

    async def promote(self, version: str, *, name: str = "") -> Manifest:
        """Ask that the alias point at `version`."""
        spec = {"model": MODEL, "alias": ALIAS, "version": version}
        return await self.create(PROMOTIONS, name or f"to-{version}", spec)

    async def serve(self, **spec: Any) -> None:
        """The ModelDeployment."""
        await self.create(MODEL_DEPLOYMENTS, MODEL, {"model": {"name": MODEL, "alias": ALIAS}, **spec})

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
        await self.say(PROMOTIONS, "first", {"phase": "Promoting", "observedGeneration": 1, "conditions": [passed]})
        entry = {"name": ALIAS, "version": version, "promotion": "first", "since": LONG_AGO}
        await self.say(MODELS, MODEL, {"aliases": [{**entry, "promotionUid": promotion["metadata"]["uid"]}]})

    async def _settle(self) -> None:
        """Write the statuses that the operator's rules come to, until they come to no others."""
        controllers = {entry.resource: entry for entry in all_controllers(Settings())}
        for _ in range(LOOKS):
            world = Cache(controllers.values())
            found = [(resource, obj) for resource in OWN for obj in await self.all(resource)]
            for resource, obj in found:
                world.observe(resource, obj)
            changed = False
            for resource, obj in found:
                plan = controllers[resource].plan(obj, world, {}, datetime.now(UTC).replace(microsecond=0))
                assert not plan.actions, f"{resource} {Key('', obj['metadata']['name'])} is not at rest: {plan.actions}"
                if plan.status is not None and merge_patch(obj.get("status") or {}, plan.status):
                    await self.say(resource, obj["metadata"]["name"], plan.status)
                    changed = True
            if not changed:
                return
        raise AssertionError(f"the scene has not come to rest in {LOOKS} rounds")
