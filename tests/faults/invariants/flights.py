# SPDX-License-Identifier: Apache-2.0
"""A RetrainPolicy has at most one training under way."""

from collections import defaultdict
from collections.abc import Iterator

from mlops_operator.controllers.trainingjob.observed import TERMINAL
from mlops_operator.kube.resources import RETRAIN_POLICIES, TRAINING_JOBS
from tests.faults.history import History
from tests.faults.invariants.steps import is_ending, parent_resource, parent_uid, status_of, steps


def check(history: History) -> Iterator[str]:
    """Every second TrainingJob of a policy that is not over while another is not."""
    flying: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for step in steps(history, TRAINING_JOBS):
        if parent_resource(step.object) != RETRAIN_POLICIES:
            continue
        policy = flying[parent_uid(step.object)]
        over = step.after is None or is_ending(step.after) or status_of(step.after).get("phase") in TERMINAL
        if over:
            policy.pop(step.uid, None)
        elif step.uid not in policy:
            policy[step.uid] = step.object["metadata"]["name"]
            if len(policy) > 1:
                yield f"{step}: the policy {parent_uid(step.object)} has several trainings under way: {policy}"
