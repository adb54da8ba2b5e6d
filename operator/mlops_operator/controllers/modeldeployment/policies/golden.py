# SPDX-License-Identifier: Apache-2.0
"""What the answers to the golden requests mean.

Evidence that is missing never promotes: a check that could not be made, or a result without the
figures, is a failed check, told apart from wrong answers by its reason.
"""

from dataclasses import dataclass

from mlops_contract.models.result import Result
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


def judge_recheck(result: Result, *, golden: bool, replicas: int) -> Verdict:
    """The verdict on the check that ends a step: as many servers as the step has answered, and rightly.

    Args:
        golden: whether the version has golden requests; else the servers were asked for readiness alone.
        replicas: the servers of the step.
    """
    answered = result.counts.get("endpoints", 0)
    if answered < replicas:
        message = f"expected answers of {replicas} servers, found {answered}"
        return Verdict(False, DeploymentReason.CANDIDATE_UNAVAILABLE, message)
    if not golden:
        return Verdict(True, None, f"{answered} servers answered")
    verdict = judge(result)
    wrong = result.counts.get("mismatches", 0) or result.counts.get("slow", 0)
    if verdict.reason is DeploymentReason.GOLDEN_REQUESTS_FAILED and not wrong:
        return Verdict(False, DeploymentReason.CANDIDATE_UNAVAILABLE, verdict.message)
    return verdict


def unanswered(reason: str, message: str) -> Verdict:
    """The verdict where the check itself failed, for a reason of its own."""
    said = f"the golden-request check could not run: {reason}: {message}".rstrip(": ")
    return Verdict(False, DeploymentReason.GOLDEN_CHECK_FAILED, said)
