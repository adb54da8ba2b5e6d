# SPDX-License-Identifier: Apache-2.0
"""What the demonstration creates outside of its namespaces, on a cluster that is already there."""

from demo.prerequisites import NEEDED
from demo.story import NAMESPACE
from tests.integration.packaging.rendering import CHARTS, manifests


def plural(kind: str) -> str:
    """The resource of a kind."""
    lower = kind.lower()
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"


def test_the_rights_that_are_checked_are_those_that_the_charts_need() -> None:
    found = [m for chart in CHARTS for m in manifests(chart, "defaults", *_settings(chart))]
    outside = {
        (m["apiVersion"].rpartition("/")[0], plural(m["kind"])) for m in found if "namespace" not in m["metadata"]
    }
    assert outside | {("", "namespaces")} == set(NEEDED)


def _settings(chart: str) -> list[str]:
    return [f"watchNamespaces={{{NAMESPACE}}}"] if chart == "mlops-operator" else []
