"""What a person's pod template must not say, because an attempt would no longer be an attempt.

The schema cannot look into the template; the API server would take these happily.
"""

from collections.abc import Mapping

from mlops_operator.api.trainingjob import TrainingJobSpec


def problem(spec: TrainingJobSpec) -> str | None:
    """A sentence on the first thing that cannot be honoured; None where all can."""
    pod: Mapping[str, object] = spec.template.spec
    policy = pod.get("restartPolicy", "Never")
    if policy != "Never":
        return (
            f"template.spec.restartPolicy: expected Never, found {policy!r}: failed attempts are counted and "
            "tried again by backoffLimit, which a restart inside the pod would hide"
        )
    if spec.replicas > 1:
        for name in ("hostname", "subdomain"):
            if name in pod:
                return (
                    f"template.spec.{name}: expected it to be absent with replicas > 1, found {pod[name]!r}: "
                    "each replica gets its own name"
                )
    return None
