# SPDX-License-Identifier: Apache-2.0
"""Alerts and dashboard speak of metrics that exist."""

import json
import re

import pytest
from prometheus_client import REGISTRY

import mlops_operator.runtime.manager  # noqa: F401 - registers every metric
from mlops_operator.codegen.generated import ROOT
from tests.integration.packaging.rendering import manifests, one

FROM_THE_PROCESS = {"process_resident_memory_bytes"}
"""Metrics that prometheus_client itself exports on Linux."""

FUNCTIONS = {"sum", "max", "rate", "increase", "histogram_quantile", "vector", "by", "or", "label_values"}


def known_metrics() -> set[str]:
    names = set(FROM_THE_PROCESS)
    for metric in REGISTRY.collect():
        names.add(metric.name)
        if metric.type == "counter":
            names.add(f"{metric.name}_total")
        if metric.type == "histogram":
            names |= {f"{metric.name}_{suffix}" for suffix in ("bucket", "sum", "count")}
    return names


def metrics_in(expression: str) -> set[str]:
    """The names before a selector in braces."""
    return set(re.findall(r"([a-z_:]+)\{", expression))


def test_alerts_are_about_metrics_that_exist_and_have_runbooks() -> None:
    rule = one(manifests("mlops-operator", "all"), "PrometheusRule")
    alerts = [alert for group in rule["spec"]["groups"] for alert in group["rules"]]
    assert len(alerts) > 5
    for alert in alerts:
        found = metrics_in(alert["expr"])
        assert found, alert
        assert found <= known_metrics(), alert["alert"]
        url, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert url == "https://docs.example.test/runbooks"
        assert anchor == alert["alert"].lower()


def test_every_alert_has_its_runbook() -> None:
    rule = one(manifests("mlops-operator", "all"), "PrometheusRule")
    text = (ROOT / "docs" / "operations" / "runbooks.md").read_text()
    headings = {heading.lower() for heading in re.findall(r"^## (MlopsOperator\w+)$", text, re.MULTILINE)}
    assert headings == {alert["alert"].lower() for group in rule["spec"]["groups"] for alert in group["rules"]}


def test_alerts_look_at_this_release_only() -> None:
    rule = one(manifests("mlops-operator", "all"), "PrometheusRule")
    for alert in (alert for group in rule["spec"]["groups"] for alert in group["rules"]):
        selectors = re.findall(r"\{([^}]*)\}", alert["expr"])
        assert all('namespace="mlops-system",service="learning-metrics"' in one for one in selectors)


def test_the_dashboard_is_about_metrics_that_exist() -> None:
    config_map = one(manifests("mlops-operator", "all"), "ConfigMap")
    dashboard = json.loads(config_map["data"]["mlops-operator.json"])
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) > 10
    for expression in expressions:
        assert metrics_in(expression), expression
        assert metrics_in(expression) <= known_metrics(), expression


def test_panels_do_not_overlap() -> None:
    dashboard = json.loads((ROOT / "helm/mlops-operator/files/dashboard.json").read_text())
    cells = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(cells)


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PrometheusRule", "ConfigMap"])
def test_monitoring_is_off_by_default(kind: str) -> None:
    assert not [manifest for manifest in manifests("mlops-operator") if manifest["kind"] == kind]
