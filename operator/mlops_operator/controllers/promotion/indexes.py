"""Look-ups of the Promotion controller."""

from collections.abc import Callable, Iterable
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.api.promotion import TERMINAL
from mlops_operator.controllers.shared.indexes import by_reference
from mlops_operator.kube.resources import PROMOTIONS
from mlops_operator.runtime.controller import Index


def is_open(obj: Manifest) -> bool:
    """Whether the Promotion is not decided yet."""
    return (obj.get("status") or {}).get("phase") not in TERMINAL


def alias_key(obj: Manifest) -> str:
    """`namespace/model/alias` of a Promotion."""
    spec = obj.get("spec") or {}
    return f"{obj['metadata']['namespace']}/{spec.get('model', '')}/{spec.get('alias', '')}"


def _while_open(values: Callable[[Manifest], Iterable[str]]) -> Callable[[Manifest], Iterable[str]]:
    return lambda obj: values(obj) if is_open(obj) else ()


PROMOTIONS_BY_ALIAS: Final = Index(PROMOTIONS, "alias", lambda obj: (alias_key(obj),))
"""All Promotions of an alias, decided ones too."""

OPEN_PROMOTIONS_BY_MODEL: Final = Index(PROMOTIONS, "open-model", _while_open(by_reference("model")))
OPEN_PROMOTIONS_BY_VERSION: Final = Index(PROMOTIONS, "open-version", _while_open(by_reference("version")))
