# SPDX-License-Identifier: Apache-2.0
"""The steps of an evaluation as the operator runs them, one after the other, each with its own folders."""

from pathlib import Path

from mlops_workload import evaluate, evaluate_fetch, predict


class EvaluationFolders:
    """The scratch folders of an evaluation's pod."""

    def __init__(self, root: Path, *, baseline: bool = True) -> None:
        self.roles = ("candidate", "baseline") if baseline else ("candidate",)
        self.rows, self.inputs = root / "rows", root / "inputs"
        self.models = {role: root / role for role in self.roles}
        self.predictions = {role: root / f"predictions-{role}" for role in self.roles}
        for folder in (self.rows, self.inputs, *self.models.values(), *self.predictions.values()):
            folder.mkdir(parents=True, exist_ok=True)

    def fetch(self) -> int:
        models = [word for role in self.roles for word in (f"--{role}", str(self.models[role]))]
        return evaluate_fetch.main([*models, "--rows", str(self.rows), "--inputs", str(self.inputs)])

    def predict(self, role: str) -> int:
        return predict.main(
            [
                *("--role", role, "--format", "sklearn", "--model", str(self.models[role])),
                *("--inputs", str(self.inputs), "--output", str(self.predictions[role])),
            ]
        )

    def judge(self) -> int:
        folders = [word for role in self.roles for word in (f"--{role}", str(self.predictions[role]))]
        return evaluate.main(["--rows", str(self.rows), *folders])

    def run(self) -> int:
        """All steps; the exit code of the first that fails, as in a pod."""
        code = self.fetch()
        for role in self.roles:
            code = code or self.predict(role)
        return code or self.judge()
