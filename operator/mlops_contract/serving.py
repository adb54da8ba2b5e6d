# SPDX-License-Identifier: Apache-2.0
"""What model servers are asked: the golden requests of a model, and what the project's servers have beside the Open
Inference Protocol.

The golden requests are the document `{"v": 1, "requests": [{"inputs": [tensor], "outputs": [tensor]}]}` with JSON
tensors of that protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Optional

from mlops_contract.document import Document, Rule

EXAMPLE: Final = "example"
"""`GET /v2/models/<model>/example` returns a request that the model takes: one row of zeros, as the body of a POST to
`/v2/models/<model>/infer`."""


@dataclass(frozen=True)
class Tensor(Document):
    """A JSON tensor; `data` may be nested in what a server sends."""

    title: ClassVar[str] = "tensor"
    ignores_unknown: ClassVar[bool] = True

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: list[Any]


@dataclass(frozen=True)
class GoldenRequest(Document):
    """Inputs to send and the outputs that are expected."""

    title: ClassVar[str] = "golden request"

    inputs: Annotated[tuple[Tensor, ...], Rule(min_length=1)]
    outputs: Annotated[tuple[Tensor, ...], Rule(min_length=1)]


@dataclass(frozen=True)
class GoldenDocument(Document):
    """All golden requests of a model."""

    title: ClassVar[str] = "document of golden requests"
    finite: ClassVar[bool] = False

    requests: Annotated[tuple[GoldenRequest, ...], Rule(min_length=1)]
    v: Literal[1] = 1


@dataclass(frozen=True)
class Answer(Document):
    """A server's reply to one request."""

    title: ClassVar[str] = "answer"
    ignores_unknown: ClassVar[bool] = True
    finite: ClassVar[bool] = False
    camel: ClassVar[bool] = False

    outputs: tuple[Tensor, ...]
    model_version: Optional[str] = None
