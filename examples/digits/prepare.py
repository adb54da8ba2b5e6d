# SPDX-License-Identifier: Apache-2.0
"""Write the story's data to the store: `python prepare.py --to pvc://store/digits`.

`train.npz`: the first half. `pool.npz`: the client's images. `holdout.npz`: the frozen rows of
every evaluation (slice `original`). None of them is shifted. The same content every time, so its digests can be
pinned; they are printed as one JSON object.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from digits import Images, first_half, holdout, pool

from mlops_workload.digest import digest_file
from mlops_workload.store import copy_out
from mlops_workload.uri import join


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", required=True, help="folder: pvc://claim/path or a path")
    to = parser.parse_args().to
    held = holdout()
    digests = {
        "train": write(to, "train", first_half()),
        "pool": write(to, "pool", pool()),
        "holdout": write(to, "holdout", held, slices=np.full(len(held.y), "original")),
    }
    print(json.dumps(digests))


def write(to: str, name: str, images: Images, *, slices: np.ndarray | None = None) -> str:
    arrays = {"X": images.x, "y": images.y, "row": images.row} | ({} if slices is None else {"slice": slices})
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, f"{name}.npz")
        np.savez(path, **arrays)
        copy_out(path, join(to, path.name))
        return digest_file(path)


if __name__ == "__main__":
    main()
