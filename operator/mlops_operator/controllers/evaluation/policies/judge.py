# SPDX-License-Identifier: Apache-2.0
"""The rules of an Evaluation applied to the figures of one run."""

from collections.abc import Sequence

from mlops_contract.models.result import Result
from mlops_operator.api.evaluation import MetricRule, MetricStatus, Verdict
from mlops_operator.controllers.evaluation.policies.change import check_change
from mlops_operator.controllers.evaluation.policies.combine import combine
from mlops_operator.controllers.evaluation.policies.finding import Finding
from mlops_operator.controllers.evaluation.policies.floor import asks_absolute, check_floor
from mlops_operator.controllers.evaluation.policies.levels import WORN_AFTER, holm, pass_level
from mlops_operator.controllers.evaluation.policies.measured import Measured, measured
from mlops_operator.controllers.evaluation.policies.sample import check_sample


def judge(
    rules: Sequence[MetricRule], result: Result, *, with_baseline: bool, gates_before: int = 0
) -> tuple[MetricStatus, ...]:
    """Each rule's numbers and verdict.

    Args:
        rules: what is asked.
        result: what the run reported.
        with_baseline: whether there was a baseline; without one no change is asked.
        gates_before: gates of this model that were measured on the same rows before.
    """
    found = [measured(position, rule, result) for position, rule in enumerate(rules)]
    bounds, changes = _shown(found, with_baseline=with_baseline)
    return tuple(
        _status(
            one,
            _find(one, outside=outside, short=short, with_baseline=with_baseline, gates_before=gates_before),
            with_baseline=with_baseline,
            gates_before=gates_before,
        )
        for one, outside, short in zip(found, bounds, changes, strict=True)
    )


def _shown(found: Sequence[Measured], *, with_baseline: bool) -> tuple[list[bool], list[bool]]:
    """Which rules are shown to be broken, corrected for all: by their bounds, and by their change."""
    usable = [check_sample(one) is None for one in found]
    bounds = [one.p_bound if use and asks_absolute(one.rule) else None for one, use in zip(found, usable, strict=True)]
    asked = [with_baseline and one.rule.change is not None for one in found]
    changes = [one.p_less if use and ask else None for one, use, ask in zip(found, usable, asked, strict=True)]
    family = [p for p in (*bounds, *changes) if p is not None]
    hypotheses = sum(asks_absolute(one.rule) for one in found) + sum(asked)
    rejected = iter(holm(family, hypotheses=hypotheses))
    marks = [p is not None and next(rejected) for p in (*bounds, *changes)]
    return marks[: len(found)], marks[len(found) :]


def _find(found: Measured, *, outside: bool, short: bool, with_baseline: bool, gates_before: int) -> Finding:
    rule = found.rule
    if not asks_absolute(rule) and not with_baseline:
        # Whatever the rows are: a first version may be judged before its slice has any.
        return Finding(Verdict.PASS, "no baseline: change is not evaluated")
    sample = check_sample(found)
    if sample is not None:
        return sample
    if found.candidate is None:
        return Finding(Verdict.NO_DATA, f"{rule.name} was not measured")
    bound = check_floor(rule, found.candidate, p=found.p_bound, shown=outside)
    findings = [bound] if bound is not None else []
    if rule.change is not None and with_baseline:
        level = pass_level(rule.change.confidence, gates_before)
        change = check_change(found, rule.change, level=level, falls_short=short)
        findings.append(Finding(change.verdict, change.message + _reuse(gates_before)))
    verdict = combine(finding.verdict for finding in findings)
    return next(finding for finding in findings if finding.verdict is verdict)


def _reuse(gates_before: int) -> str:
    """How often the rows were used before."""
    if not gates_before:
        return ""
    worn = "; too many gates have used these rows, use new rows" if gates_before >= WORN_AFTER else ""
    return f"; gate number {gates_before + 1} on these rows{worn}"


def _status(found: Measured, finding: Finding, *, with_baseline: bool, gates_before: int) -> MetricStatus:
    change = found.rule.change if with_baseline else None
    paired = found.candidate is not None and found.baseline is not None
    return MetricStatus(
        name=found.rule.name.value,
        slice=found.rule.slice or "",
        verdict=finding.verdict,
        message=finding.message,
        candidate=found.candidate,
        baseline=found.baseline,
        difference=_rounded(found.candidate - found.baseline) if paired else None,  # type: ignore[operator]
        lower=found.lower,
        upper=found.upper,
        confidence=change.confidence if change else None,
        p_value=found.p_more if change else None,
        level=pass_level(change.confidence, gates_before) if change else None,
        p_shortfall=found.p_less if change else None,
        p_bound=found.p_bound,
        n=found.n,
        rarest_class=found.rarest,
        discordant=found.discordant if with_baseline else None,
    )


def _rounded(value: float) -> float:
    """Without the digits that subtraction adds: 0.93 - 0.9 is 0.03."""
    return float(f"{value:.10g}")
