# SPDX-License-Identifier: Apache-2.0
"""Train a support vector machine on handwritten digits.

Data: `train` (required), `log` (optional: a prediction log; its labeled shifted images are trained on as
well, except those that the Model's gate holds out, which `run.data` removes). Parameters: `gamma`, and
`sabotage` for the parts of the story in which something bad is made on purpose: `labels` trains on
shuffled labels, `pickle` saves a file that is no model.

The accuracy reported is over the rows of the second half that were not trained on, shifted or
not; on how many is the count `rows`.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from digits import Images, second_half
from sklearn.svm import SVC

from mlops_workload import run

GOLDEN_ROWS = 20


def main() -> None:
    with run() as r:
        with np.load(r.data("train")) as train:
            images = Images(train["X"], train["y"], train["row"])
        logged = logged_images(r.data("log", snapshot=True)) if r.has_data("log") else images.take(slice(0))
        x, y = np.vstack([images.x, logged.x]), np.concatenate([images.y, logged.y])
        sabotage = r.param("sabotage", "none")
        if sabotage not in {"none", "labels", "pickle"}:
            raise ValueError(f"parameter sabotage: expected none, labels or pickle, found {sabotage!r}")
        if sabotage == "labels":
            y = np.random.default_rng(r.seed).permutation(y)

        model = SVC(gamma=r.param("gamma", 0.001)).fit(x, y)

        half = second_half()
        test = half.take(~np.isin(half.row, logged.row))
        r.log(accuracy=float(model.score(test.x, test.y)))
        r.log_count(rows=len(test.y), train_rows=len(y), shifted_rows=len(logged.y))
        r.golden(test.x[:GOLDEN_ROWS], model.predict(test.x[:GOLDEN_ROWS]))
        if sabotage == "pickle":
            with tempfile.TemporaryDirectory() as scratch:
                path = Path(scratch, "model.joblib")
                path.write_bytes(b"this is no model\n")
                r.save_model(path)
        else:
            r.save_model(model)


def logged_images(folder: Path) -> Images:
    """The labeled shifted images of a prediction log, each image once, in the order of their rows."""
    requests: dict[str, dict[str, Any]] = {}
    labels: dict[str, int] = {}
    for entry in entries(folder):
        if entry.get("label") is not None:
            labels[entry["id"]] = entry["label"]
        if entry.get("shifted"):
            requests[entry["id"]] = entry
    found = {entry["group"]: (entry["inputs"], labels[name]) for name, entry in requests.items() if name in labels}
    rows = sorted(found)
    return Images(
        np.asarray([found[row][0] for row in rows], dtype=np.float64).reshape(len(rows), 64),
        np.asarray([found[row][1] for row in rows], dtype=np.int64),
        np.asarray(rows, dtype=np.int64),
    )


def entries(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a prediction log."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:  # the last line of a file that is being written
                continue


if __name__ == "__main__":
    main()
