"""What the model servers of the project have beside the Open Inference Protocol."""

from typing import Final

EXAMPLE: Final = "example"
"""`GET /v2/models/<model>/example` returns a request that the model takes: one row of zeros, as the body of a POST to
`/v2/models/<model>/infer`."""
