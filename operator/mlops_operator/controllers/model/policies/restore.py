# SPDX-License-Identifier: Apache-2.0
"""Whether an alias is restored from a backup, and to which version.

Two sources name a version by its digest (`wanted_restore`): `restore` in the spec, for an alias that the status has no
entry for, and an entry of a status that was written for another Model object, as a backup tool restores it. Users who
may edit the Model may do the first, users who may write its status the second. The name alone proves nothing: the
version must be verified and have the digest.
"""

from dataclasses import dataclass

from mlops_operator.api.model import Restore
from mlops_operator.controllers.shared.versions import VersionView


@dataclass(frozen=True)
class RestoreProblem:
    """Why an alias is not restored (yet).

    Attributes:
        permanent: it cannot be restored unless the user changes something.
    """

    message: str
    permanent: bool


def restore_problem(wanted: Restore, version: VersionView | None, *, model: str) -> RestoreProblem | None:
    """What keeps an alias from being restored to a version; None where nothing does.

    Args:
        wanted: the version and the digest of its artifact.
        version: the ModelVersion of that name, or None.
        model: name of the Model.
    """
    if version is None:
        return RestoreProblem(f"ModelVersion {wanted.version} does not exist", permanent=False)
    if version.model != model:
        found = f"of Model {version.model}" if version.model is not None else "invalid"
        return RestoreProblem(f"ModelVersion {wanted.version} is {found}, expected one of {model}", permanent=True)
    if version.digest != wanted.digest:
        message = f"expected artifact digest {wanted.digest}, found {version.digest} in ModelVersion {wanted.version}"
        return RestoreProblem(message, permanent=True)
    if not version.ready:
        return RestoreProblem(version.not_ready(), permanent=version.stalled)
    return None
