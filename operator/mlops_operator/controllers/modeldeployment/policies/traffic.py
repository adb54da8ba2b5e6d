# SPDX-License-Identifier: Apache-2.0
"""Which servers the traffic Service reaches.

One revision is pinned, except while a candidate that has passed its checks takes a share: then
all ready servers are reached alike, and their numbers make the weights.
"""

from mlops_operator.api.modeldeployment import CandidatePhase

SHARING = frozenset({CandidatePhase.STEPPING, CandidatePhase.PROMOTING})
"""Phases in which a candidate gets requests."""


def pinned_revision(*, stable: str, candidate_phase: CandidatePhase | None) -> str | None:
    """The only revision that gets requests; None where the candidate shares them with the stable one."""
    return None if candidate_phase in SHARING else stable


def may_move(*, pinned: str | None, wanted: str | None, ready: dict[str, int]) -> bool:
    """Whether the Service may be moved from one selection to another.

    A rollout only ever moves it to servers that are ready. A plan that would do otherwise was made
    from an outdated status, so what serves is left to serve until a fresh one is seen.

    Args:
        pinned: the revision it is pinned to; None where it reaches all.
        wanted: the revision it should be pinned to; None for all.
        ready: ready servers by revision.
    """
    if pinned is None or wanted is None or pinned == wanted:
        return True
    return ready.get(wanted, 0) > 0 or ready.get(pinned, 0) == 0
