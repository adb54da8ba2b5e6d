# SPDX-License-Identifier: Apache-2.0
"""A Model as other controllers read it: each function over the entries that decide."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import Alias, AliasStatus, Restore
from mlops_operator.controllers.shared import models
from mlops_operator.controllers.shared.models import AliasTarget, VersionInModel
from tests.unit.controllers.versions import digest_of

SINCE = "2026-01-01T12:00:00Z"
ONE, TWO = digest_of("one"), digest_of("two")


def points(name: str = "champion", version: str = "v1", **entry: object) -> Manifest:
    return {"name": name, "version": version, "since": SINCE, **entry}


def model(*aliases: Manifest, declared: tuple[Manifest, ...] = (), **status: object) -> Manifest:
    return {"spec": {"aliases": list(declared)}, "status": {"aliases": list(aliases), **status}}


def rejection(digest: str, gate: str = "g") -> Manifest:
    return {
        **{"gate": gate, "digest": digest, "version": "v1", "alias": "champion"},
        **{"promotion": "p", "promotionUid": "u", "time": SINCE},
    }


def test_a_model_that_is_not_there_or_has_no_status_says_nothing() -> None:
    for nothing in (None, {}, {"spec": None, "status": None}):
        assert models.declared_alias(nothing, "champion") is None
        assert models.pointing_alias(nothing, "champion") is None
        assert models.restoring_aliases(nothing) == ()
        assert models.rejections_of(nothing, ONE) == ()
        assert models.alias_targets(nothing) == {}
    assert models.version_in_model({}, name="v1", uid="u1") == VersionInModel()


def test_an_alias_is_found_by_its_name_and_not_where_it_cannot_be_read() -> None:
    found = model(points(), points("staging", "v2"), declared=({"name": "odd", "gate": 1}, {"name": "champion"}))
    assert models.declared_alias(found, "champion") == Alias(name="champion")
    assert models.declared_alias(found, "odd") is models.declared_alias(found, "staging") is None
    pointing = models.pointing_alias(found, "staging")
    assert pointing is not None
    assert pointing.version == "v2"


WANTED = Restore(version="v9", digest=TWO)
RESTORED = Restore(version="v1", digest=ONE)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (None, WANTED),
        ({"modelUid": "", "digest": ONE, "versionUid": "u1"}, None),
        ({"modelUid": "m", "digest": ONE, "versionUid": "u1"}, None),
        ({"modelUid": "former", "digest": ONE, "versionUid": "u1"}, RESTORED),
        ({"modelUid": "former", "versionUid": "u1"}, None),
        ({"modelUid": "former", "digest": ONE, "versionUid": "present"}, None),
    ],
    ids=["no entry", "before UIDs were kept", "own", "of a former Model", "without a digest", "version is present"],
)
def test_an_alias_is_restored_where_its_entry_is_missing_or_foreign(
    entry: Manifest | None, expected: Restore | None
) -> None:
    status = AliasStatus.model_validate(points(**entry)) if entry is not None else None
    alias = Alias(name="champion", restore=WANTED)
    assert models.wanted_restore(alias, status, model_uid="m", present={"present"}) == expected


def test_aliases_are_restoring_until_they_point_at_something() -> None:
    restore = {"version": "v1", "digest": ONE}
    declared = ({"name": "a", "restore": restore}, {"name": "b"}, {"name": "champion", "restore": restore})
    assert models.restoring_aliases(model(points(), declared=declared)) == ("a",)


def test_rejections_are_those_of_the_artifact() -> None:
    found = model(rejections=[rejection(ONE), rejection(TWO), rejection(ONE, "h")])
    assert [entry.gate for entry in models.rejections_of(found, ONE)] == ["g", "h"]


def test_rejections_that_came_went_or_changed_are_changed() -> None:
    old = model(rejections=[rejection(ONE), rejection(TWO)])
    new = model(rejections=[rejection(TWO), rejection(ONE, "h")])
    assert models.changed_rejections(old, old) == ()
    assert models.changed_rejections(old, new) == (ONE,)
    assert (
        models.changed_rejections(model(), old) == models.changed_rejections(old, model()) == tuple(sorted((ONE, TWO)))
    )


def test_a_version_is_itself_by_name_and_uid() -> None:
    numbers = [{"name": "v0", "uid": "u0", "number": 1}, {"name": "v1", "uid": "u1", "number": 2}]
    found = model(
        points("staging", versionUid="u1"),
        points("champion", versionUid="u1"),
        points("old", versionUid="u0"),
        points("bare"),
        versions=numbers,
    )
    assert models.alias_targets(found)["bare"] == AliasTarget("v1", "")
    assert models.version_in_model(found, name="v1", uid="u1") == VersionInModel(2, ("champion", "staging"))
    assert models.version_in_model(found, name="v1", uid="u0") == VersionInModel(1, ("old",))
    assert models.version_in_model(found, name="v1", uid="new") == VersionInModel(None, ())


def test_versions_whose_alias_or_number_changed() -> None:
    old = model(points(versionUid="u1"), points("kept", "v5"), versions=[{"name": "v1", "uid": "u1", "number": 1}])
    moved = model(points(version="v2", versionUid="u2"), points("kept", "v5"), versions=old["status"]["versions"])
    assert models.changed_versions(old, old) == frozenset()
    assert models.changed_versions(old, moved) == {"v1", "v2"}
    numbered = model(*old["status"]["aliases"], versions=[{"name": "v3", "uid": "u3", "number": 2}])
    assert models.changed_versions(old, numbered) == {"v1", "v3"}
    assert models.changed_versions(model(), old) == {"v1", "v5"}


def test_aliases_whose_declaration_or_target_changed() -> None:
    old = model(points(), points("b"), declared=({"name": "champion"}, {"name": "c"}))
    new = model(points(version="v2"), points("b"), declared=({"name": "champion"}, {"name": "c", "bootstrap": True}))
    assert models.changed_aliases(old, old) == ()
    assert models.changed_aliases(old, new) == ("c", "champion")
    assert models.changed_aliases(old, {}) == ("b", "c", "champion")
