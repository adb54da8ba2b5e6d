# SPDX-License-Identifier: Apache-2.0
"""The story of examples/digits, step by step, on whatever cluster has the operator.

Each step applies plain YAML, waits for what should follow, and returns what it saw. Nothing
is staged: every figure comes out of the cluster. The end-to-end tests run the same steps and
assert their figures; `make demo` prints them.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from demo.reading import champion_of, condition, first_started, is_breached, value, windows
from localcluster.kubectl import Kubectl, Manifest
from localcluster.progress import Progress, Quiet

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "examples" / "digits"
NAMESPACE: Final = "digits"
CLIENT: Final = "digits-client"
WORKLOAD_IMAGE: Final = "localhost/mlops-workload:dev"
"""The image that the examples name."""


@dataclass
class Step:
    """One step of the story.

    Attributes:
        figures: what was seen, by name; numbers stay numbers.
        started: Unix time at which it began.
        seconds: how long it took.
    """

    title: str
    figures: dict[str, Any]
    started: float
    seconds: float


@dataclass
class Story:
    """Runs the steps in order and keeps what each saw.

    Args:
        kubectl: speaks to the cluster, in a namespace that the story makes.
        progress: receives every step.
        image: the workload image as the cluster's nodes know it; it replaces the one that the examples name.
    """

    kubectl: Kubectl
    progress: Progress = field(default_factory=Quiet)
    image: str = WORKLOAD_IMAGE
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster = self.kubectl
        self.kubectl = self.kubectl.in_namespace(NAMESPACE)

    def run(self) -> list[Step]:
        """The whole story."""
        for title, action in self.plot():
            self.step(title, action)
        return self.steps

    def plot(self) -> tuple[tuple[str, Callable[[], dict[str, Any]]], ...]:
        """Titles and actions of the steps, in order."""
        return (
            ("Data and Model", self.prepare),
            ("Train the first version", self.train),
            ("Register it and make it champion", self.bootstrap),
            ("Serve the champion", self.serve),
            ("Watch the traffic", self.watch_healthy),
            ("The images shift by one pixel", self.shift),
            ("Retrain, on evidence", self.retrain),
            ("Challenge the champion", self.challenge),
            ("Roll the challenger out", self.rollout),
            ("A bad challenger is refused", self.refuse),
            ("A version that cannot load is stopped", self.stop_broken),
            ("Undo a promotion", self.roll_back),
            ("Promote the better version again", self.recover),
        )

    def step(self, title: str, action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Run one step and keep its figures."""
        started = time.time()
        with self.progress.step(title):
            figures = action()
        self.steps.append(Step(title, figures, started, time.time() - started))
        return figures

    def figures(self, title: str) -> dict[str, Any]:
        """What the step of that title saw."""
        return next(step.figures for step in self.steps if step.title == title)

    # -- the steps ----------------------------------------------------------------------

    def prepare(self) -> dict[str, Any]:
        """The store, the data and the Model."""
        self.make_namespace()
        self._apply(EXAMPLES)
        self._wait("job", "digits-prepare", lambda job: condition(job, "Complete"), "the data")
        return {"digests": json.loads(self.kubectl.logs("job/digits-prepare").strip().splitlines()[-1])}

    def make_namespace(self) -> None:
        """Make the story's namespace, unless it is there: then it keeps its labels."""
        if self.cluster.get("namespace", NAMESPACE) is None:
            self.cluster.run("create", "namespace", NAMESPACE)

    def train(self) -> dict[str, Any]:
        """A TrainingJob to its end, and the ModelVersion it made."""
        return self._train("train.yaml", "digits-first")

    def bootstrap(self) -> dict[str, Any]:
        """The first version passes the alias's floor, since there is no champion to compare with."""
        model = self._wait("model", "digits", lambda model: champion_of(model) is not None, "a first champion")
        alias = champion_of(model)
        assert alias is not None
        promotion = self._get("promotion", alias["promotion"])
        return {"champion": alias["version"], "promotion": alias["promotion"], **self._gate_figures(promotion)}

    def serve(self) -> dict[str, Any]:
        """A ModelDeployment that follows the alias, and a client that sends real requests."""
        self._apply(EXAMPLES / "serve.yaml")
        deployment = self._wait(
            "modeldeployment", "digits", lambda obj: condition(obj, "ModelLoaded"), "the model served"
        )
        self._apply(EXAMPLES / "client.yaml")
        self._wait("pod", CLIENT, lambda pod: condition(pod, "Ready"), "the client")
        return {"version": deployment["status"]["stable"]["version"], "url": deployment["status"]["url"]}

    def watch_healthy(self) -> dict[str, Any]:
        """A ModelMonitor and a RetrainPolicy; the client's images are as they were collected."""
        self._apply(EXAMPLES / "monitor.yaml")
        self._apply(EXAMPLES / "retrain.yaml")
        champion = self.figures("Register it and make it champion")["champion"]
        monitor = self._wait(
            "modelmonitor",
            "digits-accuracy",
            lambda obj: any(value(window) is not None for window in windows(obj, champion)),
            "a measured window",
        )
        window = next(window for window in reversed(windows(monitor, champion)) if value(window) is not None)
        return {
            "accuracy": value(window),
            "n": window["metrics"][0]["n"],
            "breached": window["metrics"][0]["breached"],
        }

    def shift(self) -> dict[str, Any]:
        """The client shifts its images; the monitor sees it."""
        self._set_shift(True)
        champion = self.figures("Register it and make it champion")["champion"]

        def breached(obj: Manifest) -> bool:
            return sum(is_breached(window) for window in windows(obj, champion)) >= 2

        monitor = self._wait("modelmonitor", "digits-accuracy", breached, "two windows below the limit")
        window = [window for window in windows(monitor, champion) if is_breached(window)][-1]
        metric = window["metrics"][0]
        return {"accuracy": metric["value"], "limit": metric["lower"], "n": metric["n"], "breached": metric["breached"]}

    def retrain(self) -> dict[str, Any]:
        """The policy's decision, and the version that its training made."""
        policy = self._wait(
            "retrainpolicy",
            "digits",
            lambda obj: (decision := first_started(obj)) is not None and "modelVersion" in decision,
            "a training by the policy",
        )
        decision = first_started(policy)
        assert decision is not None
        job = self._get("trainingjob", decision["trainingJob"])
        counts = job["status"]["counts"]
        return {
            "trigger": decision["trigger"],
            "reason": decision["reason"],
            "evidence": decision["evidence"],
            "training_job": decision["trainingJob"],
            "challenger": decision["modelVersion"],
            "shifted_rows": counts["shifted_rows"],
            "held_out": counts["held_out"],
        }

    def challenge(self) -> dict[str, Any]:
        """Both versions on frozen rows and on the client's requests that were held out; the alias moves."""
        challenger = self.figures("Retrain, on evidence")["challenger"]
        model = self._wait(
            "model", "digits", lambda obj: (champion_of(obj) or {}).get("version") == challenger, "the alias to move"
        )
        alias = champion_of(model)
        assert alias is not None
        return {
            "champion": challenger,
            "promotion": alias["promotion"],
            **self._gate_figures(self._get("promotion", alias["promotion"])),
        }

    def rollout(self) -> dict[str, Any]:
        """Golden requests, a share of the traffic, all of it; no request fails."""
        challenger = self.figures("Retrain, on evidence")["challenger"]
        achieved: set[int] = set()

        def done(obj: Manifest) -> bool:
            status = obj.get("status") or {}
            if (status.get("candidate") or {}).get("phase") == "Stepping":
                achieved.add((status.get("weights") or {}).get("achieved", 0))
            stable = status.get("stable") or {}
            return stable.get("version") == challenger and "candidate" not in status and condition(obj, "Ready")

        self._wait("modeldeployment", "digits", done, "the challenger to be the stable version")
        line = self._wait_for_answers(challenger, at_least=150)
        return {
            "accuracy": line["rolling"][challenger]["accuracy"],
            "weights": sorted(weight for weight in achieved if weight),
            "sent": line["sent"],
            "failed": line["failed"],
        }

    def refuse(self) -> dict[str, Any]:
        """A challenger trained on shuffled labels: the gate refuses it, with its numbers."""
        version = self._train("bad.yaml", "digits-bad")["version"]
        promotion = self._promote("digits-bad", version, "try a challenger that learned from shuffled labels")
        model = self._get("model", "digits")
        alias = champion_of(model)
        assert alias is not None
        return {
            "version": version,
            "phase": promotion["status"]["phase"],
            "champion": alias["version"],
            **self._gate_figures(promotion),
        }

    def stop_broken(self) -> dict[str, Any]:
        """The user pins a version that cannot be loaded: it never gets traffic, the stable version keeps serving."""
        version = self._train("broken.yaml", "digits-broken")["version"]
        champion = self.figures("Challenge the champion")["champion"]
        before = self._client_line()
        self._pin({"name": "digits", "version": version})
        deployment = self._wait(
            "modeldeployment",
            "digits",
            lambda obj: ((obj.get("status") or {}).get("stopped") or {}).get("version") == version,
            "the candidate to be stopped",
        )
        after = self._wait_for_answers(champion, at_least=20)
        self._pin({"name": "digits", "alias": "champion"})
        self._wait(
            "modeldeployment",
            "digits",
            lambda obj: (
                obj["status"].get("phase") == "Stable"
                and obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
            ),
            "the deployment to follow the alias again",
        )
        stopped = deployment["status"]["stopped"]
        return {
            "version": version,
            "reason": stopped["reason"],
            "stable": deployment["status"]["stable"]["version"],
            "failed_meanwhile": after["failed"] - before["failed"],
        }

    def roll_back(self) -> dict[str, Any]:
        """One Promotion to the former version, and the deployment follows."""
        first = self.figures("Register it and make it champion")["champion"]
        promotion = self._promote("digits-undo", first, "undo the last promotion")
        self._wait(
            "modeldeployment",
            "digits",
            lambda obj: (
                (obj["status"].get("stable") or {}).get("version") == first and "candidate" not in obj["status"]
            ),
            "the former version to be served",
        )
        line = self._wait_for_answers(first, at_least=40)
        return {
            "version": first,
            "rollback": promotion["status"].get("rollback", False),
            "phase": promotion["status"]["phase"],
            "sent": line["sent"],
            "failed": line["failed"],
        }

    def recover(self) -> dict[str, Any]:
        """The images are still shifted: the version that knows them serves at the end."""
        challenger = self.figures("Challenge the champion")["champion"]
        promotion = self._promote("digits-again", challenger, "the images are still shifted")
        self._wait(
            "modeldeployment",
            "digits",
            lambda obj: (
                (obj["status"].get("stable") or {}).get("version") == challenger and "candidate" not in obj["status"]
            ),
            "the better version to be served again",
        )
        line = self._wait_for_answers(challenger, at_least=195)
        return {
            "version": challenger,
            "phase": promotion["status"]["phase"],
            "accuracy": line["rolling"][challenger]["accuracy"],
            "sent": line["sent"],
            "failed": line["failed"],
        }

    # -- output of the client -----------------------------------------------------------

    def client_lines(self) -> list[dict[str, Any]]:
        """The client's output, a line a second: `ts`, `shift`, `sent`, `failed`, `rolling` accuracy by version.

        `byVersion` has the number of answers of each version since the start.
        """
        return [json.loads(line) for line in self.kubectl.logs(CLIENT).splitlines() if line.startswith("{")]

    def _client_line(self) -> dict[str, Any]:
        lines = [line for line in self.kubectl.logs(CLIENT, "--tail=5").splitlines() if line.startswith("{")]
        return dict(json.loads(lines[-1]))

    def _wait_for_answers(self, version: str, *, at_least: int, timeout: float = 120.0) -> dict[str, Any]:
        """The client's line once its last answers contain the given number of answers of `version`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            line = self._client_line()
            if line["rolling"].get(version, {"n": 0})["n"] >= at_least:
                return line
            time.sleep(1)  # the client writes one line a second
        raise TimeoutError(f"the client got fewer than {at_least} answers of {version} in {timeout:.0f} s: {line}")

    # -- what the steps share -----------------------------------------------------------

    def _apply(self, path: Path) -> None:
        """Apply a file, or a folder with a kustomization, with the image of this cluster."""
        text = self.cluster.run("kustomize", str(path)) if path.is_dir() else path.read_text()
        self.kubectl.run("apply", "--server-side", "-f", "-", stdin=text.replace(WORKLOAD_IMAGE, self.image))

    def _train(self, file: str, name: str) -> dict[str, Any]:
        self._apply(EXAMPLES / file)
        job = self._wait(
            "trainingjob",
            name,
            lambda obj: condition(obj, "Complete") or condition(obj, "Failed"),
            "the training's end",
        )
        if not condition(job, "Complete"):
            raise RuntimeError(f"training {name} failed: {job['status']['conditions'][-1]['message']}")
        version = job["status"]["modelVersion"]
        ready = self._wait("modelversion", version, lambda obj: condition(obj, "Ready"), "the version verified")
        return {
            "accuracy": job["status"]["metrics"]["accuracy"],
            "rows": job["status"]["counts"]["rows"],
            "version": version,
            "number": ready["status"].get("version"),
            "digest": ready["spec"]["artifact"]["digest"],
        }

    def _promote(self, name: str, version: str, reason: str) -> Manifest:
        self.kubectl.apply(
            {
                "apiVersion": "mlops-operator.io/v1alpha1",
                "kind": "Promotion",
                "metadata": {"name": name},
                "spec": {"model": "digits", "alias": "champion", "version": version, "reason": reason},
            }
        )
        final = {"Promoted", "Rejected", "Superseded"}
        return self._wait(
            "promotion", name, lambda obj: (obj.get("status") or {}).get("phase") in final, "the gate's decision"
        )

    def _gate_figures(self, promotion: Manifest) -> dict[str, Any]:
        """A promotion's verdict, the numbers of its rules, and the rows that the gate used."""
        status = promotion["status"]
        evaluation = self._get("evaluation", status["evaluation"])["status"]
        names = ("name", "slice", "verdict", "candidate", "baseline", "difference", "lower", "upper", "n")
        return {
            "verdict": status.get("verdict"),
            "metrics": [{name: metric.get(name) for name in names} for metric in status.get("metrics", ())],
            "data": {entry["name"]: entry["digest"] for entry in evaluation.get("data", ())},
            "overlap": {entry["role"]: entry["overlap"] for entry in evaluation.get("overlap", ())},
        }

    def _pin(self, model: dict[str, str]) -> None:
        patch = [{"op": "replace", "path": "/spec/model", "value": model}]
        self.kubectl.run("patch", "modeldeployment", "digits", "--type=json", f"--patch={json.dumps(patch)}")

    def _set_shift(self, shifted: bool) -> None:
        self.kubectl.run("exec", CLIENT, "--", "sh", "-c", f"echo {int(shifted)} > /tmp/shift")

    def _wait(self, kind: str, name: str, until: Callable[[Manifest], bool], what: str) -> Manifest:
        return self.kubectl.wait(kind, name, until, what=what)

    def _get(self, kind: str, name: str) -> Manifest:
        obj = self.kubectl.get(kind, name)
        assert obj is not None, f"{kind}/{name} is not there"
        return obj
