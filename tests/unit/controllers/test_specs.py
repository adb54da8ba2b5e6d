# SPDX-License-Identifier: Apache-2.0
"""Reading specs, which every plan does."""

from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.framework.specs import parse_spec


def test_parts_that_a_spec_leaves_out_are_the_same_default_and_not_a_copy_for_each_plan() -> None:
    one, other = (parse_spec(TrainingJobSpec, {"spec": {"image": name}}) for name in ("a", "b"))
    assert one.template is other.template
    assert one.resources is other.resources
