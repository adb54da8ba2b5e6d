# SPDX-License-Identifier: Apache-2.0
"""Check that data are where a run expects them, before they are mounted one by one."""

from collections.abc import Mapping

from mlops_workload.errors import ArtifactUnreachableError, DataInvalidError, DataNotFoundError
from mlops_workload.files import opened
from mlops_workload.uri import local_location


def check_locations(places: Mapping[str, str], *, environ: Mapping[str, str]) -> None:
    """Check that a regular file or a folder is at each URI on this machine; others are not checked.

    Args:
        places: URIs by the names that messages mention.
        environ: where claims are mounted.

    Raises:
        DataNotFoundError: nothing is at some of them; all of those are named.
        DataInvalidError: one is a link or a special file, or below a link.
        ArtifactUnreachableError: one may not be read.
    """
    missing = []
    for name, uri in places.items():
        location = local_location(uri, environ=environ)
        if location is None:
            continue
        try:
            with opened(*location):
                pass
        except FileNotFoundError:
            missing.append(f"{name} ({uri})")
        except DataInvalidError as error:
            raise DataInvalidError(f"data input {name} ({uri}): {error.message}") from error
        except OSError as error:
            raise ArtifactUnreachableError(f"data input {name} ({uri}): {type(error).__name__}: {error}") from error
    if missing:
        raise DataNotFoundError(
            f"expected a file or a folder at each data input, found nothing at {', '.join(missing)}"
        )
