# SPDX-License-Identifier: Apache-2.0
"""The reference paths: what is walked without faults first, and then with each of them."""

from collections.abc import Mapping
from typing import Final

from tests.faults.paths.base import Path
from tests.faults.paths.evaluation import EVALUATION
from tests.faults.paths.model import MODEL_PATHS
from tests.faults.paths.modeldeployment import MODELDEPLOYMENT
from tests.faults.paths.modeldeployment_acts import MODELDEPLOYMENT_INTERFERENCES
from tests.faults.paths.modelmonitor import MODELMONITOR
from tests.faults.paths.promotion import PROMOTION
from tests.faults.paths.promotion_acts import PROMOTION_INTERFERENCES
from tests.faults.paths.retrainpolicy import RETRAINPOLICY
from tests.faults.paths.trainingjob import TRAININGJOB
from tests.faults.paths.trainingjob_acts import TRAININGJOB_INTERFERENCES

ALL: Final[tuple[type[Path], ...]] = (
    *TRAININGJOB,
    *TRAININGJOB_INTERFERENCES,
    *MODEL_PATHS,
    *PROMOTION,
    *PROMOTION_INTERFERENCES,
    *MODELDEPLOYMENT,
    *MODELDEPLOYMENT_INTERFERENCES,
    *RETRAINPOLICY,
    *MODELMONITOR,
    *EVALUATION,
)

PATHS: Final[Mapping[str, type[Path]]] = {path.name: path for path in ALL}
