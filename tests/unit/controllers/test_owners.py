# SPDX-License-Identifier: Apache-2.0
"""Whether the Model or RetrainPolicy that controls an object still exists."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.owners import deleted_owner
from mlops_operator.kube.resources import JOBS, MODELS, PROMOTIONS, RETRAIN_POLICIES
from tests.unit.controllers.builders import ToyWorld, make

OWNERS = {resource.kind: make(resource, "owner", spec={}) for resource in (MODELS, RETRAIN_POLICIES, JOBS)}


def controlled(kind: str, **reference: object) -> Manifest:
    obj = make(PROMOTIONS, "p", spec={}, owner=OWNERS[kind])
    obj["metadata"]["ownerReferences"][0] |= reference
    return obj


@pytest.mark.parametrize("kind", ["Model", "RetrainPolicy"])
def test_an_owner_exists_by_name_and_uid(kind: str) -> None:
    uid = OWNERS[kind]["metadata"]["uid"]
    world = ToyWorld(OWNERS[kind])
    assert deleted_owner(controlled(kind), world) is None
    assert deleted_owner(controlled(kind), ToyWorld()) == f"{kind} owner with UID {uid}"
    assert deleted_owner(controlled(kind, uid="former"), world) == f"{kind} owner with UID former"


@pytest.mark.parametrize(
    "obj",
    [
        make(PROMOTIONS, "p", spec={}),
        controlled("Model", controller=False),
        controlled("Model", apiVersion="example.test/v1"),
        controlled("Job"),
        controlled("Job", apiVersion="mlops-operator.io/v1alpha1"),
    ],
    ids=["no owner", "not the controller", "another group", "another kind", "another kind of this group"],
)
def test_other_owners_are_not_looked_for(obj: Manifest) -> None:
    assert deleted_owner(obj, ToyWorld()) is None
