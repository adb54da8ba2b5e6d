# SPDX-License-Identifier: Apache-2.0
"""The list of kinds, in the order in which they are documented.

Everything else follows from an entry: its API resource, its controller (the class `<Kind>Controller` in
`controllers/<kind>/controller.py`), CRD, rights and reference page, and which files of cases the tests expect of it.
"""

from typing import Final

from mlops_operator.api.evaluation import EVALUATION
from mlops_operator.api.kind import Kind
from mlops_operator.api.model import MODEL
from mlops_operator.api.modeldeployment import MODEL_DEPLOYMENT
from mlops_operator.api.modelmonitor import MODEL_MONITOR
from mlops_operator.api.modelversion import MODEL_VERSION
from mlops_operator.api.promotion import PROMOTION
from mlops_operator.api.retrainpolicy import RETRAIN_POLICY
from mlops_operator.api.trainingjob import TRAINING_JOB

KINDS: Final[tuple[Kind, ...]] = (
    TRAINING_JOB,
    MODEL,
    MODEL_VERSION,
    EVALUATION,
    PROMOTION,
    MODEL_DEPLOYMENT,
    MODEL_MONITOR,
    RETRAIN_POLICY,
)
