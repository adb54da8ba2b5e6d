# SPDX-License-Identifier: Apache-2.0
"""A ModelVersion as others see it."""

import pytest

from mlops_operator.api.common import VersionRef
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.versions import VersionView, view_version
from mlops_operator.kube.resources import MODEL_VERSIONS
from tests.unit.controllers.builders import make
from tests.unit.controllers.versions import digest_of, model_version


def view(obj: Manifest) -> VersionView:
    found = view_version(obj)
    assert found is not None
    return found


def test_what_is_not_there_has_no_view() -> None:
    assert view_version(None) is None


def test_a_version_is_its_model_and_its_digest() -> None:
    found = view(model_version("a", model="digits"))
    assert (found.name, found.uid, found.model, found.digest) == ("a", "uid-of-a", "digits", digest_of("a"))
    assert found.ref == VersionRef(name="a", uid="uid-of-a", digest=digest_of("a"))


@pytest.mark.parametrize(("ready", "stalled"), [(True, False), (False, False), (False, True)])
def test_its_conditions_say_whether_it_may_be_used(ready: bool, stalled: bool) -> None:
    found = view(model_version("a", ready=ready, stalled=stalled))
    assert (found.ready, found.stalled) == (ready, stalled)


def test_why_it_is_not_ready_is_what_its_condition_says() -> None:
    obj = model_version("a", ready=False, stalled=True)
    for condition in obj["status"]["conditions"]:
        condition["message"] = "not what its digest says"
    assert view(obj).not_ready() == "ModelVersion a is not Ready: ArtifactCorrupt: not what its digest says"


def test_a_new_version_is_not_ready_yet_and_has_no_reason() -> None:
    found = view({**model_version("a"), "status": {}})
    assert (found.ready, found.stalled, found.reason, found.message) == (False, False, "", "")


@pytest.mark.parametrize("spec", [None, {}, {"model": 7}])
def test_a_version_whose_spec_cannot_be_read_is_never_ready(spec: Manifest | None) -> None:
    found = view(make(MODEL_VERSIONS, "a", spec=spec, status=model_version("a")["status"]))
    assert (found.spec, found.ready) == (None, False)
    assert (found.model, found.digest, found.ref) == (None, None, None)
