# SPDX-License-Identifier: Apache-2.0
"""Whatever happens between any two plans of a removal: no file goes of a version that something uses."""

from collections.abc import Callable
from itertools import count
from typing import Final

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.unit.controllers.builders import later, make
from tests.unit.controllers.model.driver import promotion
from tests.unit.controllers.retention.scene import POLICY, Scene, folder
from tests.unit.controllers.versions import digest_of

VERSION: Final = "v1"
OTHERS: Final = 2


class Removal:
    """The removal of one version, one plan of one controller at a time."""

    def __init__(self) -> None:
        self.scene = Scene(policy={**POLICY, "keepVersions": OTHERS, "keepHistoryFor": "0s"})
        self.time = 0
        self.given_up = False
        self.used = False

    def model(self) -> None:
        self.scene.cluster.step(self.scene.controllers[MODELS], "digits")

    def version(self) -> None:
        if self.there:
            self.scene.cluster.step(self.scene.controllers[MODEL_VERSIONS], VERSION)

    def passes(self, seconds: int) -> None:
        self.time += seconds
        self.scene.cluster.now = later(self.time)

    def job(self) -> None:
        if self.scene.jobs:
            self.scene.job_reports()

    @property
    def there(self) -> bool:
        return VERSION in {obj["metadata"]["name"] for obj in self.scene.cluster.world.all(MODEL_VERSIONS)}

    @property
    def reason(self) -> str:
        return self.scene.reason(VERSION) if self.there else ""

    def check(self) -> None:
        """What must hold at every moment."""
        self.given_up |= self.reason == "ArtifactRemoved"
        aliases = {entry["version"] for entry in self.scene.model["status"].get("aliases", ())}
        jobs = self.scene.cluster.world.all(JOBS)
        for job in jobs:
            (place,) = job["spec"]["template"]["spec"]["containers"][0]["args"]
            assert place == folder(VERSION)
        assert not jobs or self.given_up or not self.there  # one that was deleted cannot be used either
        assert not self.given_up or VERSION not in aliases
        assert not self.given_up or not self.used
        assert not self.given_up or self.reason in ("ArtifactRemoved", "")


PATH: Final[tuple[Callable[[Removal], None], ...]] = (
    Removal.model,
    Removal.model,
    lambda removal: removal.passes(3600),
    Removal.model,
    Removal.version,
    lambda removal: removal.passes(60),
    Removal.model,
    Removal.version,
    Removal.model,
    Removal.job,
    Removal.model,
    Removal.version,
)
"""From the list to the end, if nothing else happens."""


def passed(removal: Removal) -> None:
    """A Promotion has passed its gate, by a look at the version that may be of the past."""
    removal.scene.put(promotion("p", VERSION))


def asked(removal: Removal) -> None:
    """A Promotion is created."""
    removal.scene.put(promotion("p", VERSION, passed=False, phase="Pending"))


def served(removal: Removal) -> None:
    """A deployment begins the version, if it is Ready."""
    if removal.reason == "Verified":
        status = {"candidate": {"version": VERSION, "versionUid": f"uid-of-{VERSION}", "digest": digest_of(VERSION)}}
        removal.scene.put(make(MODEL_DEPLOYMENTS, "web", spec={}, status=status))
        removal.used = True


def pinned(removal: Removal) -> None:
    """A deployment asks for the version, and begins it if it is Ready."""
    spec = {"model": {"name": "digits", "version": VERSION}}
    removal.scene.put(make(MODEL_DEPLOYMENTS, "web", spec=spec))
    removal.used = removal.reason == "Verified"


def dry(removal: Removal) -> None:
    """The user changes the mode."""
    removal.scene.cluster.edit(MODELS, "digits", retention={"mode": "DryRun"})


def without(removal: Removal) -> None:
    """The user takes the policy away."""
    removal.scene.cluster.edit(MODELS, "digits", retention=None)


def deleted(removal: Removal) -> None:
    """The version is deleted."""
    removal.scene.cluster.world.remove(removal.scene.cluster.get(MODEL_VERSIONS, VERSION))


HAPPENINGS: Final = (passed, asked, served, pinned, dry, without, deleted)


def walk(happening: Callable[[Removal], None] | None, position: int) -> Removal:
    """The path with something else before the step at `position`, then to rest, hours later."""
    removal = Removal()
    for step, act in zip(count(), PATH, strict=False):
        if step == position and happening is not None:
            happening(removal)
            removal.check()
        act(removal)
        removal.check()
    for seconds in (0, 60, 3600, 60, 300):
        removal.passes(seconds)
        removal.scene.settle()
        removal.job()
        removal.scene.settle()
        removal.check()
    return removal


def test_the_path_removes_the_files() -> None:
    removal = walk(None, -1)
    assert removal.scene.removed == [VERSION]
    assert removal.scene.removals == []


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda happening: happening.__name__)
def test_no_file_goes_of_a_version_in_use(happening: Callable[[Removal], None]) -> None:
    ends: set[str] = set()
    for position in range(len(PATH)):
        removal = walk(happening, position)
        ends.add(removal.reason)
        state: Manifest = removal.scene.retention
        assert not state.get("removals"), f"{happening.__name__} before step {position}: {state}"
        if removal.used or (happening in (passed, asked) and not removal.given_up):
            assert removal.reason == "Verified", f"{happening.__name__} before step {position}"
        assert bool(removal.scene.cluster.world.all(JOBS)) == removal.given_up or happening is deleted
    kept = {"deleted": {""}}.get(happening.__name__, {"Verified", "ArtifactRemoved"})
    assert ends == kept, "early it keeps the version, late it comes too late"
    assert removal.scene.cluster.world.all(PROMOTIONS) or happening not in (passed, asked)
