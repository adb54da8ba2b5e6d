# SPDX-License-Identifier: Apache-2.0
"""What a plan promises that calls itself settled: the engine does not plan again after it."""

from datetime import datetime

from mlops_operator.api.meta import Manifest
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.controller import Controller
from mlops_operator.runtime.work.plan import Plan


def check_settled(controller: Controller, obj: Manifest, world: World, plan: Plan, now: datetime) -> None:
    """Check, once `plan` was carried out, that planning again would have done nothing but make the same appointment.

    Args:
        obj: the object as it is now.
    """
    if plan.requeue_after == 0.0:
        return  # it is planned again at once anyway
    assert not controller.reads(obj, world, now)
    again = controller.plan(obj, world, {}, now)
    assert (again.actions, again.events) == ((), ())
    assert again.status in (None, obj.get("status"))
    assert again.requeue_after == plan.requeue_after
