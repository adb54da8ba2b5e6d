# SPDX-License-Identifier: Apache-2.0
"""Who uses the files of versions and runs: as the caches show it, and as the API server says when files are to go."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from mlops_operator.api.conditions import READY, condition_of
from mlops_operator.api.evaluation import EvaluationPhase
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelVersionReason
from mlops_operator.api.promotion import TERMINAL as DECIDED
from mlops_operator.api.retention import KeptReason
from mlops_operator.api.trainingjob import TrainingPhase
from mlops_operator.controllers.model.policies.retention import Artifact, Use
from mlops_operator.controllers.model.policies.runs import Run
from mlops_operator.controllers.shared.mentions import SPEC_AND_STATUS, mentions
from mlops_operator.controllers.shared.stores import all_attempts, training_folders
from mlops_operator.kube.resources import (
    EVALUATIONS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import ObjectsIn, Read


class User(NamedTuple):
    """A kind whose objects use versions and other files.

    Attributes:
        final: phases in which an object uses nothing any more.
        parts: the parts of an object in which it names what it uses. A Model's status names all of its versions; what
            its aliases keep is decided by `policies/alias_uses.py`.
    """

    resource: Resource
    final: frozenset[str] = frozenset()
    parts: Sequence[str] = SPEC_AND_STATUS


USERS: Final = (
    User(MODEL_DEPLOYMENTS),
    User(PROMOTIONS, final=frozenset(DECIDED)),
    User(EVALUATIONS, final=frozenset({EvaluationPhase.SUCCEEDED, EvaluationPhase.FAILED})),
    User(TRAINING_JOBS, final=frozenset({TrainingPhase.SUCCEEDED, TrainingPhase.FAILED})),
    User(MODEL_MONITORS),
    User(RETRAIN_POLICIES),
    User(MODELS, parts=("spec",)),
)


def _in_use(user: User, obj: Manifest) -> bool:
    return (obj.get("status") or {}).get("phase") not in user.final


def _namespace_of(user: User) -> Callable[[Manifest], Iterable[str]]:
    return lambda obj: (obj["metadata"]["namespace"],) if _in_use(user, obj) else ()


_USERS_BY_NAMESPACE: Final = tuple((user, Index(user.resource, "version-user", _namespace_of(user))) for user in USERS)


def _folders(version: Manifest) -> Iterable[str]:
    spec = version.get("spec") or {}
    files = [spec.get(name) for name in ("artifact", "goldenRequests", "trainingRows")]
    files.append((spec.get("lineage") or {}).get("environment"))
    namespace = version["metadata"]["namespace"]
    uris = (str(entry["uri"]) for entry in files if isinstance(entry, dict) and entry.get("uri"))
    return sorted({f"{namespace}/{folder}" for uri in uris for folder in training_folders(uri)})


_VERSIONS_BY_FOLDER: Final = Index(MODEL_VERSIONS, "run-folder", _folders)
"""ModelVersions by the folders that may be those of TrainingJobs and hold files of theirs."""


def is_removed(version: Manifest) -> bool:
    """Whether the files of a version were removed, as its status says."""
    return condition_of(version, READY).get("reason") == ModelVersionReason.ARTIFACT_REMOVED


INDEXES: Final = (*(index for _, index in _USERS_BY_NAMESPACE), _VERSIONS_BY_FOLDER)


class Place(NamedTuple):
    """Files that are looked for in what objects say.

    Attributes:
        identity: what the uses are found by.
        folder: where they are.
        folders: what `training_folders` gives for a place in the folder, or for one that the folder is in.
        words: what else stands for them.
        version: UID of the version that they are of, which is no other user of them; empty where they are of none.
    """

    identity: str
    folder: str
    folders: frozenset[str]
    words: frozenset[str] = frozenset()
    version: str = ""


def place_of_version(artifact: Artifact) -> Place:
    """The files of a version."""
    words = frozenset((artifact.uid, artifact.digest, artifact.name))
    return Place(artifact.uid, artifact.folder, frozenset((artifact.folder,)), words, artifact.uid)


def place_of_run(run: Run) -> Place:
    """The files of a run. Of a run that has ended nothing but its files can be used, so its name is no use of them."""
    training = run.folder.rpartition("/")[0]
    return Place(run.folder, run.folder, frozenset((run.folder, all_attempts(training))))


def reads_of_uses(namespace: str) -> Iterator[Read]:
    """All that `fresh_uses` looks at."""
    yield from (ObjectsIn(resource=user.resource, namespace=namespace) for user in USERS)
    yield ObjectsIn(resource=MODEL_VERSIONS, namespace=namespace)


def cached_uses(namespace: str, places: Sequence[Place], world: World) -> dict[str, Use]:
    """Why files are kept, by identity, as the caches show it."""
    users = (_named(user, obj) for user, index in _USERS_BY_NAMESPACE for obj in world.indexed(index, namespace))
    folders = dict.fromkeys(folder for place in places for folder in sorted(place.folders))
    sharers = (version for name in folders for version in world.indexed(_VERSIONS_BY_FOLDER, f"{namespace}/{name}"))
    return _uses(places, users, sharers)


def fresh_uses(
    namespace: str, places: Sequence[Place], reads: Mapping[Read, Sequence[Manifest]]
) -> Mapping[str, Use] | None:
    """The same by reads from the API server; None where nothing was read."""
    versions = reads.get(ObjectsIn(resource=MODEL_VERSIONS, namespace=namespace))
    if versions is None:
        return None
    users = (
        _named(user, obj)
        for user in USERS
        for obj in reads[ObjectsIn(resource=user.resource, namespace=namespace)]
        if _in_use(user, obj)
    )
    return _uses(places, users, versions)


Named = tuple[str, str, frozenset[str]]
"""Kind and name of an object, and what it mentions."""


def _named(user: User, obj: Manifest) -> Named:
    return user.resource.kind, obj["metadata"]["name"], mentions(obj, user.parts)


def _uses(places: Sequence[Place], users: Iterable[Named], sharers: Iterable[Manifest]) -> dict[str, Use]:
    """Why files are kept, by identity: the first object that names them, or another version in the folder."""
    uses: dict[str, Use] = {}
    by_folder, by_word = (
        _by(places, lambda place: place.folders),
        _by(places, lambda place: place.folders | place.words),
    )
    for kind, name, mentioned in users:
        for word in by_word.keys() & mentioned:
            for place in by_word[word]:
                uses.setdefault(place.identity, Use(KeptReason.IN_USE, f"{kind} {name} names it"))
    for version in sharers:
        metadata = version["metadata"]
        if is_removed(version):
            continue
        for folder in by_folder.keys() & {folder.partition("/")[2] for folder in _folders(version)}:
            for place in by_folder[folder]:
                if place.version != metadata["uid"]:
                    message = f"ModelVersion {metadata['name']} has files in {place.folder}"
                    uses.setdefault(place.identity, Use(KeptReason.SHARED_FILES, message))
    return uses


def _by(places: Sequence[Place], words: Callable[[Place], Iterable[str]]) -> Mapping[str, Sequence[Place]]:
    found: defaultdict[str, list[Place]] = defaultdict(list)
    for place in places:
        for word in words(place):
            found[word].append(place)
    return found
