# SPDX-License-Identifier: Apache-2.0
"""Properties of a kind other than its schema: names, printer columns, the scale subresource."""

from dataclasses import dataclass
from enum import StrEnum

from mlops_operator.api.common import StatusBase
from mlops_operator.api.schema import SpecModel


@dataclass(frozen=True)
class Column:
    """A printer column. A `wide` column is shown with `-o wide` only."""

    name: str
    json_path: str
    type: str = "string"
    description: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Scale:
    """Paths of the scale subresource."""

    spec_replicas: str
    status_replicas: str
    selector: str


PHASE = Column("Phase", ".status.phase", description="Summary of the current state")
READY = Column(
    "Ready",
    '.status.conditions[?(@.type=="Ready")].status',
    description="True when the desired state has been reached",
)
REASON = Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', description="Reason of the condition Ready")
MESSAGE = Column(
    "Message",
    '.status.conditions[?(@.type=="Ready")].message',
    description="Message of the condition Ready",
    wide=True,
)
AGE = Column("Age", ".metadata.creationTimestamp", type="date")


@dataclass(frozen=True)
class Kind:
    """One kind: its models and how kubectl names and prints it.

    Attributes:
        reasons: reasons of its conditions.
        columns: the kind's own printer columns; phase, ready, reason, message and age are added.
        description: one sentence for `kubectl explain`.
    """

    kind: str
    plural: str
    short_names: tuple[str, ...]
    spec: type[SpecModel]
    status: type[StatusBase]
    reasons: type[StrEnum]
    description: str
    columns: tuple[Column, ...] = ()
    scale: Scale | None = None

    @property
    def singular(self) -> str:
        """Lower-case name of one object."""
        return self.kind.lower()

    @property
    def printer_columns(self) -> tuple[Column, ...]:
        """All columns in the order in which they are printed."""
        narrow = tuple(column for column in self.columns if not column.wide)
        wide = tuple(column for column in self.columns if column.wide)
        return (PHASE, READY, REASON, *narrow, AGE, *wide, MESSAGE)
