# SPDX-License-Identifier: Apache-2.0
"""All controllers together: what only shows when they share one cache."""

import pytest

from mlops_operator.api.kind import Kind
from mlops_operator.api.registry import KINDS
from mlops_operator.controllers import all_controllers, controller_of
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import OWN, resource_of
from mlops_operator.runtime.cache.cache import Cache


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_registry_alone_leads_to_a_kinds_resource_and_controller(kind: Kind) -> None:
    assert resource_of(kind) in OWN
    assert controller_of(kind, Settings()).resource == resource_of(kind)


def test_their_watches_and_indexes_fit_one_cache() -> None:
    cache = Cache(all_controllers(Settings()))
    for controller in all_controllers(Settings()):
        for watch in controller.watches:
            assert watch.resource in cache.stores
