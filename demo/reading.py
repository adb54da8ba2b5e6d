# SPDX-License-Identifier: Apache-2.0
"""What the story reads in the status of objects."""

from typing import Any

from localcluster.kubectl import Manifest


def condition(obj: Manifest, kind: str) -> bool:
    """Whether a condition of that type is true."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def champion_of(model: Manifest) -> dict[str, Any] | None:
    """The alias `champion` of a Model, if it points at a version."""
    aliases = (model.get("status") or {}).get("aliases") or ()
    return next((alias for alias in aliases if alias["name"] == "champion"), None)


def windows(monitor: Manifest, version: str) -> list[dict[str, Any]]:
    """The measured windows of a version, in order."""
    windows = (monitor.get("status") or {}).get("windows") or ()
    return [window for window in windows if window.get("version") == version and window.get("metrics")]


def value(window: dict[str, Any]) -> float | None:
    """The figure of a window; None where its verdict is `Unknown`."""
    metric = window["metrics"][0]
    value = metric.get("value")
    return value if metric["breached"] != "Unknown" else None


def is_breached(window: dict[str, Any]) -> bool:
    """Whether a window is beyond its limit."""
    return bool(window["metrics"][0]["breached"] == "True")


def first_started(policy: Manifest) -> dict[str, Any] | None:
    """The first decision of a policy that started a training."""
    decisions = (policy.get("status") or {}).get("decisions") or ()
    return next((decision for decision in decisions if decision["outcome"] == "Started"), None)
