# SPDX-License-Identifier: Apache-2.0
"""Whether a training would see the rows that a gate of its Model judges by.

The places are compared, not what is there: what the operator mounts for a run is known from its spec alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.shared.pods import Location, location_of


@dataclass(frozen=True)
class GateData:
    """One data input of the gate of an alias."""

    alias: str
    name: str
    uri: str


def gate_data(model: Manifest | None) -> tuple[GateData, ...]:
    """The data inputs of all gates of a Model; none where there is no Model."""
    return tuple(
        GateData(alias=alias["name"], name=entry["name"], uri=entry["uri"])
        for alias in ((model or {}).get("spec") or {}).get("aliases") or ()
        for entry in (alias.get("gate") or {}).get("data") or ()
    )


def declared_gate_data(spec: TrainingJobSpec, gates: tuple[GateData, ...], output: str | None) -> str | None:
    """A sentence on the first place that the training declares and a gate uses, or None.

    Args:
        spec: the training.
        gates: the data of all gates of its Model.
        output: the attempt's own folder, if it has one.
    """
    for where, place in _places(spec, output):
        for gate in gates:
            used = location_of(gate.uri)
            if used is not None and (place.holds(used) or used.holds(place)):
                return (
                    f"{where} is or overlaps {gate.uri}, the data input {gate.name} of the gate of alias "
                    f"{gate.alias}: a version must not be trained on the rows that it is judged by. Declare other "
                    f"data in the TrainingJob, or other gate data in the Model {spec.model}"
                )
    return None


def _places(spec: TrainingJobSpec, output: str | None) -> Iterator[tuple[str, Location]]:
    declared = [(f"spec.data {entry.name} ({entry.uri})", entry.uri) for entry in spec.data]
    if output is not None:
        declared.append((f"the output folder {output}", output))
    for where, uri in declared:
        if (place := location_of(uri)) is not None:
            yield where, place
    for index, claim in template_claims(spec):
        yield f"spec.template.spec.volumes[{index}] (claim {claim})", Location(claim, ())


def template_claims(spec: TrainingJobSpec) -> Iterator[tuple[int, str]]:
    """Index and name of the claims that the user's pod template mounts by itself."""
    volumes = spec.template.spec.get("volumes")
    for index, volume in enumerate(volumes if isinstance(volumes, list) else ()):
        source = volume.get("persistentVolumeClaim") if isinstance(volume, dict) else None
        claim = source.get("claimName") if isinstance(source, dict) else None
        if isinstance(claim, str):
            yield index, claim
