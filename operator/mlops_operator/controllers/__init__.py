"""The kinds' controllers: pure plans and policies, manifests, status, and a little wiring each."""

from mlops_operator.controllers.evaluation.controller import EvaluationController
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.modeldeployment.controller import ModelDeploymentController
from mlops_operator.controllers.modelmonitor.controller import ModelMonitorController
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.promotion.controller import PromotionController
from mlops_operator.controllers.retrainpolicy.controller import RetrainPolicyController
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.runtime.controller import Controller


def all_controllers(settings: Settings) -> tuple[Controller, ...]:
    """One controller for each kind, in the order in which the kinds are documented."""
    return (
        TrainingJobController(settings),
        ModelController(settings),
        ModelVersionController(settings),
        EvaluationController(settings),
        PromotionController(settings),
        ModelDeploymentController(settings),
        ModelMonitorController(settings),
        RetrainPolicyController(settings),
    )
