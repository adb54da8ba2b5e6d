# SPDX-License-Identifier: Apache-2.0
"""Request metrics, under the names that client-go and controller-runtime give them."""

from typing import Final

from prometheus_client import Counter, Histogram

REQUESTS: Final = Counter(
    "rest_client_requests_total",
    "Requests to the API server, by status code (or <error> where there was no answer), method and host.",
    ["code", "method", "host"],
)

LATENCY: Final = Histogram(
    "rest_client_request_duration_seconds",
    "Time until the answer to a request was complete, by verb; watches are not in it.",
    ["verb"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0),
)

NO_ANSWER: Final = "<error>"
"""The code of a request that got no answer, as client-go writes it."""
