"""A client that asks one question after another, each on a connection of its own, and counts the answers.

Once a second it says, as a line of JSON, what it has counted since it started: `sent`, `failed`,
`versions` (answers by model version) and the `errors` it met.
"""

import argparse
import json
import time
import urllib.request
from collections import Counter

QUESTION = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}]}
MAX_ERRORS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="where to POST")
    parser.add_argument("--rate", type=float, default=20.0, help="questions a second at most")
    arguments = parser.parse_args()
    body = json.dumps(QUESTION).encode()
    failed, versions, errors = 0, Counter[str](), list[str]()
    spoken = time.monotonic()
    while True:
        begun = time.monotonic()
        try:
            request = urllib.request.Request(arguments.url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as response:
                versions[json.load(response)["model_version"]] += 1
        except (OSError, ValueError, KeyError) as error:
            failed += 1
            errors = [*errors, f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}"][:MAX_ERRORS]
        if begun - spoken >= 1:
            spoken = begun
            sent = failed + versions.total()
            print(json.dumps({"sent": sent, "failed": failed, "versions": versions, "errors": errors}), flush=True)
        time.sleep(max(0.0, begun + 1 / arguments.rate - time.monotonic()))


if __name__ == "__main__":
    main()
