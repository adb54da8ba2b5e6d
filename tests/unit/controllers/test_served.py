# SPDX-License-Identifier: Apache-2.0
"""What a ModelDeployment serves, as others see it."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.served import Served, ServedFact, served_fact, view_served

STABLE = {"version": "v1", "versionUid": "u1", "digest": "sha256:a"}
CANDIDATE = {"version": "v2", "versionUid": "u2"}


@pytest.mark.parametrize(
    ("status", "served"),
    [
        (None, Served()),
        ({}, Served()),
        ({"stable": None, "candidate": None}, Served()),
        ({"stable": {"version": "v1"}}, Served(stable="v1")),
        ({"stable": STABLE}, Served(stable="v1", stable_uid="u1", digest="sha256:a")),
        ({"candidate": CANDIDATE}, Served(candidate="v2", candidate_uid="u2")),
        ({"stable": STABLE, "candidate": CANDIDATE}, Served("v1", "v2", "u1", "u2", "sha256:a")),
    ],
)
def test_stable_and_candidate_by_name_and_uid(status: Manifest | None, served: Served) -> None:
    deployment = {"metadata": {"name": "d"}, "status": status}
    assert view_served(deployment) == served
    roles = (served.stable or "", served.stable_uid, served.candidate or "", served.candidate_uid)
    assert served_fact(deployment) == ServedFact("d", *roles)


def test_a_deployment_that_is_not_there_serves_nothing() -> None:
    assert view_served(None) == Served()
