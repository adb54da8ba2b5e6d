# SPDX-License-Identifier: Apache-2.0
"""What kstatus says of an object: the rules by which Flux, Helm and kpt wait for custom resources.

The rules are those that sigs.k8s.io/cli-utils documents for kinds that it does not know, in our own words and code:

1. An object that is being deleted is `Terminating`.
2. One whose `status.observedGeneration` is not its generation is `InProgress`.
3. `Reconciling=True` is `InProgress`, and `Stalled=True` is `Failed`, whichever comes first in the list.
4. `Ready=True` is `Current`; `False` and `Unknown` are `InProgress`.
5. What says nothing of all this is `Current`.
"""

from mlops_operator.api.conditions import INTERNAL_ERROR, READY, RECONCILING, STALLED, condition_of
from mlops_operator.api.meta import Manifest
from mlops_operator.codegen.docs.health import STATES, Kstatus


def kstatus(obj: Manifest) -> Kstatus:
    """What kstatus says of the object."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return Kstatus.TERMINATING
    observed = status.get("observedGeneration")
    if observed is not None and observed != metadata.get("generation", 0):
        return Kstatus.IN_PROGRESS
    conditions = status.get("conditions") or ()
    for condition in conditions:
        if condition["status"] == "True" and condition["type"] in (RECONCILING, STALLED):
            return Kstatus.IN_PROGRESS if condition["type"] == RECONCILING else Kstatus.FAILED
    for condition in conditions:
        if condition["type"] == READY:
            return Kstatus.CURRENT if condition["status"] == "True" else Kstatus.IN_PROGRESS
    return Kstatus.CURRENT


def undocumented(kind: str, status: Manifest) -> str:
    """How kstatus's answer differs from what the reference says of the state; empty where it does not."""
    obj = {"metadata": {"generation": status.get("observedGeneration")}, "status": status}
    reason = condition_of(obj, READY).get("reason")
    if reason is None:
        return ""
    found = kstatus(obj)
    if reason == INTERNAL_ERROR:
        return "" if found is Kstatus.FAILED else f"{kind} {reason}: {found}"
    documented = next((state.kstatus for state in STATES[kind] if reason in state.reasons), ())
    return "" if found in documented else f"{kind} {reason}: kstatus says {found}, codegen/docs/health.py {documented}"
