# SPDX-License-Identifier: Apache-2.0
"""The kinds' controllers: pure plans and policies, manifests, status, and a little wiring each."""

from importlib import import_module

from mlops_operator.api.kind import Kind
from mlops_operator.api.registry import KINDS
from mlops_operator.controllers.settings import Settings
from mlops_operator.runtime.work.controller import Controller


def controller_of(kind: Kind, settings: Settings) -> Controller:
    """The controller of `kind`, the class `<Kind>Controller` in `<kind>/controller.py`.

    Raises:
        ImportError: there is no such module.
        AttributeError: the module has no such class.
    """
    module = import_module(f"{__name__}.{kind.singular}.controller")
    controller: Controller = getattr(module, f"{kind.kind}Controller")(settings)
    return controller


def all_controllers(settings: Settings) -> tuple[Controller, ...]:
    """One controller for each kind, in the order in which the kinds are documented."""
    return tuple(controller_of(kind, settings) for kind in KINDS)
