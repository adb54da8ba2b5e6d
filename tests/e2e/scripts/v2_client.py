# SPDX-License-Identifier: Apache-2.0
"""A client that asks one question after another, each on a connection of its own, and counts the answers.

Once a second it says, as a line of JSON, what it has counted: `sent`, `failed`, `versions` (answers
by model version) and the `errors` it met. It counts from the first connection on: a node's rules
follow a new Service by a moment, in which nobody answers at its address.

With `--once` it asks the question in `QUESTION` of the environment and prints the answer instead.
"""

import argparse
import json
import os
import socket
import time
import urllib.request
from collections import Counter
from http.client import HTTPResponse
from urllib.parse import urlsplit

QUESTION = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}]}
MAX_ERRORS = 5
ROUTE_SECONDS = 15
"""Longest wait for a new Service's address to lead somewhere."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="where to POST")
    parser.add_argument("--rate", type=float, default=20.0, help="questions a second at most")
    parser.add_argument("--once", action="store_true", help="ask one question and print the answer")
    arguments = parser.parse_args()
    await_route(arguments.url)
    if arguments.once:
        with ask(arguments.url, os.environ["QUESTION"].encode()) as response:
            print(response.read().decode())
        return
    body = json.dumps(QUESTION).encode()
    failed, versions, errors = 0, Counter[str](), list[str]()
    spoken = time.monotonic()
    while True:
        begun = time.monotonic()
        try:
            with ask(arguments.url, body) as response:
                versions[json.load(response)["model_version"]] += 1
        except (OSError, ValueError, KeyError) as error:
            failed += 1
            errors = [*errors, f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}"][:MAX_ERRORS]
        if begun - spoken >= 1:
            spoken = begun
            sent = failed + versions.total()
            print(json.dumps({"sent": sent, "failed": failed, "versions": versions, "errors": errors}), flush=True)
        time.sleep(max(0.0, begun + 1 / arguments.rate - time.monotonic()))


def ask(url: str, body: bytes) -> HTTPResponse:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    response: HTTPResponse = urllib.request.urlopen(request, timeout=30)
    return response


def await_route(url: str) -> None:
    """Return once somebody takes connections at the address of `url`.

    Raises:
        OSError: nobody does within `ROUTE_SECONDS`.
    """
    address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
    deadline = time.monotonic() + ROUTE_SECONDS
    while True:
        try:
            socket.create_connection(address, timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
