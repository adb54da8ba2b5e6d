"""What the answers to the golden requests mean.

Evidence that is missing never promotes: a check that could not be made, or a result without the
figures, is a failed check, told apart from wrong answers by its reason.
"""

from dataclasses import dataclass

from mlops_contract import Result
from mlops_operator.api.modeldeployment import DeploymentReason


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate may get traffic, with the figures."""

    passed: bool
    reason: DeploymentReason | None
    message: str


def judge(result: Result) -> Verdict:
    """The verdict on a finished check: every request answered, as recorded, and in time."""
    counts = result.counts
    asked = counts.get("requests", 0)
    if not asked or "mismatches" not in counts or "errors" not in counts:
        found = ", ".join(sorted(counts)) or "none"
        message = f"expected the counts requests (at least 1), mismatches and errors, found: {found}"
        return Verdict(False, DeploymentReason.GOLDEN_CHECK_FAILED, message)
    wrong = {name: counts.get(name, 0) for name in ("mismatches", "errors", "slow")}
    latency = result.metrics.get("latency_p99")
    figures = f"{asked} requests: " + ", ".join(f"{count} {name}" for name, count in wrong.items())
    if latency is not None:
        figures += f"; p99 latency {latency:.3f} s"
    if any(wrong.values()):
        return Verdict(False, DeploymentReason.GOLDEN_REQUESTS_FAILED, figures)
    return Verdict(True, None, figures)


def unanswered(reason: str, message: str) -> Verdict:
    """The verdict where the check itself failed, for a reason of its own."""
    said = f"the golden requests could not be asked: {reason}: {message}".rstrip(": ")
    return Verdict(False, DeploymentReason.GOLDEN_CHECK_FAILED, said)
