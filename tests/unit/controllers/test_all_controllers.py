"""All controllers together: what only shows when they share one cache."""

from mlops_operator.api.kinds import KINDS
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.runtime.cache import Cache


def test_every_kind_has_its_controller_in_the_documented_order() -> None:
    kinds = [controller.resource.kind for controller in all_controllers(Settings())]
    assert kinds == [kind.kind for kind in KINDS]


def test_their_watches_and_indexes_fit_one_cache() -> None:
    cache = Cache(all_controllers(Settings()))
    for controller in all_controllers(Settings()):
        for watch in controller.watches:
            assert watch.resource in cache.stores
