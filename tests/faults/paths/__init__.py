"""The reference paths: what is walked without faults first, and then with each of them."""

from collections.abc import Mapping
from typing import Final

from tests.faults.paths.base import Path
from tests.faults.paths.trainingjob import TRAININGJOB

PATHS: Final[Mapping[str, type[Path]]] = {path.name: path for path in (*TRAININGJOB,)}
