"""One rule applied to the figures of one run: sample first, then floor, then change."""

import math
from collections.abc import Mapping

from mlops_contract import Result
from mlops_operator.api.evaluation import MetricRule, MetricStatus, Verdict
from mlops_operator.controllers.evaluation.policies.change import check_change
from mlops_operator.controllers.evaluation.policies.combine import combine
from mlops_operator.controllers.evaluation.policies.finding import Finding
from mlops_operator.controllers.evaluation.policies.floor import check_floor
from mlops_operator.controllers.evaluation.policies.sample import check_sample

ALL_ROWS = "all"
"""Name under which a run counts the rows of no slice in particular."""


def rule_key(rule: MetricRule) -> str:
    """`<metric>` or `<metric>@<slice>`: how a run names the rule's figures."""
    return rule.name if rule.slice is None else f"{rule.name}@{rule.slice}"


def judge(rule: MetricRule, result: Result, *, with_baseline: bool) -> MetricStatus:
    """The rule's numbers and verdict.

    Args:
        rule: what is asked.
        result: what the run reported.
        with_baseline: whether there was a baseline; without one a change is not asked.
    """
    figures = _figures(result.metrics, rule_key(rule))
    n = result.counts.get(rule.slice or ALL_ROWS)
    change = rule.change if with_baseline else None
    finding = _find(rule, figures, n, with_baseline=with_baseline)
    return MetricStatus(
        name=rule.name,
        slice=rule.slice or "",
        verdict=finding.verdict,
        message=finding.message,
        n=n,
        confidence=change.confidence if change else None,
        **figures,
    )


def _figures(metrics: Mapping[str, float], key: str) -> dict[str, float]:
    names = ("candidate", "baseline", "difference", "lower", "upper")
    found = {name: metrics.get(f"{key}.{name}") for name in names}
    return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}


def _find(rule: MetricRule, figures: Mapping[str, float], n: int | None, *, with_baseline: bool) -> Finding:
    sample = check_sample(n, min_count=rule.min_count)
    if sample is not None:
        return sample
    value = figures.get("candidate")
    if value is None:
        return Finding(Verdict.NO_DATA, f"{rule_key(rule)} was not measured")
    findings = [finding for finding in (check_floor(rule, value),) if finding is not None]
    if rule.change is not None and with_baseline:
        lower, upper = figures.get("lower"), figures.get("upper")
        findings.append(check_change(rule.change, rule.direction, lower=lower, upper=upper))
    if not findings:
        return Finding(Verdict.PASS, "no baseline: the change is not asked")
    verdict = combine(finding.verdict for finding in findings)
    return next(finding for finding in findings if finding.verdict is verdict)
