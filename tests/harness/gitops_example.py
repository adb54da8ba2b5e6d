# SPDX-License-Identifier: Apache-2.0
"""examples/digits and an object of every kind from Git: what Flux and Helm find, on whatever cluster has the operator.

Nobody sends a request, and there is no prediction log. Both tools wait until every object is ready by kstatus.
"""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import yaml

from demo.story import EXAMPLES
from localcluster.client import wait_for
from localcluster.kubectl import Kubectl
from mlops_operator.api.conditions import READY, condition_of
from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.kube.resources import OWN
from tests.harness.flux import Flux

WAIT_SECONDS: Final = 240
"""Time limit of Flux and of Helm."""

FOLLOWS_WITHIN: Final = 180.0
"""Seconds for what follows by itself: pods of real nodes take their time to start and to end."""

_INTERVAL_SECONDS: Final = 10
_LATER: Final = 3
"""Intervals after the first at which everything has to be unchanged."""

_SCRIPTS: Final = ("digits.py", "prepare.py", "train.py", "client.py")
_OBJECTS: Final = (
    "store.yaml",
    "prepare.yaml",
    "model.yaml",
    "train.yaml",
    "serve.yaml",
    "monitor.yaml",
    "retrain.yaml",
)

_MADE: Final = ("deployment", "service", "job", "pod", "configmap", "secret", "networkpolicy", "poddisruptionbudget")
"""Kinds of what is applied or made beside our own."""

Files = dict[str, str]
"""The files of a revision, by name."""


def by_flux(tool: Flux) -> None:
    """Everything becomes ready, is unchanged at later intervals, and is pruned without a rest."""
    objects = Objects(tool.kubectl)
    _commit(tool, _example(*_OBJECTS))
    objects.serve_without_traffic()
    version = objects.version()

    _commit(tool, _with_more(_example(*_OBJECTS), *objects.of_the_other_kinds()))
    before = len(tool.applied())
    assert wait_for(lambda: len(tool.applied()) >= before + _LATER, seconds=6.0 * _LATER * _INTERVAL_SECONDS)
    later = tool.applied()[before:]
    assert {key.partition("/")[0] for key in later[0]} >= {own.kind for own in OWN}
    assert {what for applied in later for what in applied.values()} == {"unchanged"}
    objects.serve_without_traffic()

    _commit(tool, _example("store.yaml"))
    objects.leave_only_versions(version, configmap=["digits-scripts"])
    tool.remove()
    objects.leave_only_versions(version)


def by_helm(helm: Sequence[str], kubectl: Kubectl, folder: Path) -> None:
    """The same with a chart that holds the objects; an upgrade that changes nothing moves no generation.

    Args:
        helm: the command, for the cluster of `kubectl`.
        kubectl: in a namespace that is there.
        folder: for the chart.
    """
    objects = Objects(kubectl)
    files, chart = folder / "example", folder / "chart"
    files.mkdir()
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: digits\nversion: 1.0.0\n")
    # Taken as it is: braces in the scripts are not Helm's.
    (chart / "templates/objects.yaml").write_text('{{ .Files.Get "objects.yaml" }}\n')

    def run(*arguments: str) -> None:
        command = [*helm, *arguments, f"--namespace={kubectl.namespace}", "--wait", f"--timeout={WAIT_SECONDS}s"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def upgrade(revision: Files) -> None:
        for name, text in revision.items():
            (files / name).write_text(text)
        (chart / "objects.yaml").write_text(kubectl.run("kustomize", str(files)))
        run("upgrade", "--install", "digits", str(chart), "--wait-for-jobs")

    upgrade(_example(*_OBJECTS))
    objects.serve_without_traffic()
    version = objects.version()

    every_kind = _with_more(_example(*_OBJECTS), *objects.of_the_other_kinds())
    upgrade(every_kind)
    before = objects.generations()
    upgrade(every_kind)
    assert objects.generations() == before

    run("uninstall", "digits")
    objects.leave_only_versions(version)


class Objects:
    """The example's objects in one namespace."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl

    def version(self) -> str:
        """The version that the first revision has trained."""
        return str(self._status("trainingjob", "digits-first")["modelVersion"])

    def serve_without_traffic(self) -> None:
        """The version is served, and the monitor waits for the first request, which is no failure.

        That follows by itself, a moment after a tool has found everything ready: a deployment whose alias points
        nowhere yet is ready as well.
        """

        def served() -> tuple[bool, object]:
            trained = self._status("trainingjob", "digits-first").get("modelVersion")
            stable = (self._status("modeldeployment", "digits").get("stable") or {}).get("version")
            return trained is not None and trained == stable, (trained, stable)

        _eventually(served)
        ready = condition_of({"status": self._status("modelmonitor", "digits-accuracy")}, READY)
        assert ready["status"] == "True", ready
        assert ready["reason"] in ("NothingServed", "WaitingForWindow", "NoPredictionsYet"), ready

    def of_the_other_kinds(self) -> list[Manifest]:
        """A Promotion, an Evaluation and a ModelVersion: of the version that the first revision has trained."""
        version = self.version()
        found = self.kubectl.get("modelversion", version)
        assert found is not None
        holdout = {"name": "holdout", "uri": "pvc://mlops-artifacts/data/holdout.npz"}
        accuracy = {"name": "accuracy", "min": 0.9}
        return [
            _manifest("Promotion", "digits-champion", model="digits", alias="champion", version=version),
            _manifest("Evaluation", "digits-holdout", candidate=version, data=[holdout], metrics=[accuracy]),
            _manifest("Model", "archive", aliases=[{"name": "kept"}]),
            _manifest("ModelVersion", "archive-1", model="archive", artifact=found["spec"]["artifact"]),
        ]

    def generations(self) -> dict[str, int]:
        """The generation of each object of ours, by its UID."""
        objects = [one for own in OWN for one in self.kubectl.list(own.kind.lower())]
        return {one["metadata"]["uid"]: one["metadata"]["generation"] for one in objects}

    def leave_only_versions(self, version: str, **others: list[str]) -> None:
        """All that was applied is pruned with what it made; the record of the training and its artifacts are kept."""
        expected = {"modelversion": [version], **others}

        def left() -> tuple[bool, object]:
            kinds = (*(own.kind.lower() for own in OWN), *_MADE)
            # The check of the version's artifact belongs to the version, and goes some time after its end.
            selector = "app.kubernetes.io/component!=verify"
            listed = {kind: [one["metadata"]["name"] for one in self.kubectl.list(kind, selector)] for kind in kinds}
            listed["configmap"] = [name for name in listed["configmap"] if name != "kube-root-ca.crt"]
            found = {kind: names for kind, names in listed.items() if names}
            return found == expected, found

        _eventually(left)
        claim = self.kubectl.get("persistentvolumeclaim", "mlops-artifacts")
        assert claim is not None
        assert claim["status"]["phase"] == "Bound"

    def _status(self, kind: str, name: str) -> Manifest:
        return (self.kubectl.get(kind, name) or {}).get("status") or {}


def _eventually(look: Callable[[], tuple[bool, object]]) -> None:
    """Wait until what `look` finds is accepted; it returns whether it is, and what it found."""
    last: object = None

    def accepted() -> bool:
        nonlocal last
        fits, last = look()
        return fits

    assert wait_for(accepted, seconds=FOLLOWS_WITHIN), last


def _commit(tool: Flux, files: Files) -> None:
    ready = tool.commit(files, timeout=WAIT_SECONDS, interval=f"{_INTERVAL_SECONDS}s")
    assert (ready["status"], ready["reason"]) == ("True", "ReconciliationSucceeded"), ready["message"]


def _example(*resources: str) -> Files:
    """The files of a revision: scripts, and a kustomization with these files of examples/digits."""
    files = {name: (EXAMPLES / name).read_text() for name in (*_SCRIPTS, *resources)}
    kustomization = yaml.safe_load((EXAMPLES / "kustomization.yaml").read_text()) | {"resources": list(resources)}
    return {**files, "kustomization.yaml": yaml.safe_dump(kustomization)}


def _with_more(files: Files, *objects: Manifest) -> Files:
    """The files with objects added."""
    kustomization = yaml.safe_load(files["kustomization.yaml"])
    kustomization["resources"].append("more.yaml")
    return {**files, "more.yaml": yaml.safe_dump_all(objects), "kustomization.yaml": yaml.safe_dump(kustomization)}


def _manifest(kind: str, name: str, **spec: object) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
