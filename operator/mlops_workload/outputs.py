# SPDX-License-Identifier: Apache-2.0
"""The artifacts of a run: copied to its output and reported by URI, digest and size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlops_contract import Artifact
from mlops_workload.digest import digest_path, size_of
from mlops_workload.errors import ConfigurationInvalidError, DataChangedError
from mlops_workload.store import copy_out
from mlops_workload.uri import join, local_path


class Outputs:
    """Artifacts saved so far, below one output URI (a local folder is made when first needed); None keeps none."""

    def __init__(self, uri: str | None, *, scratch: Path, environ: Mapping[str, str]) -> None:
        self._uri = uri
        self._scratch = scratch
        self._environ = environ
        self._artifacts: dict[str, Artifact] = {}

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """All artifacts, in the order they were saved."""
        return tuple(self._artifacts.values())

    def save(self, path: Path, *, name: str, format: str) -> Artifact:
        """Copy the file or folder `path` to `<output>/<name><ending of the file>`; see `Run.save_artifact`."""
        if name in self._artifacts:
            raise ConfigurationInvalidError(f"expected a new artifact name, found {name!r} again")
        if self._uri is None:
            raise ConfigurationInvalidError(
                f"expected a place for the artifact {name!r}, found none: set spec.model or spec.output"
            )
        digest, size = digest_path(path), size_of(path)
        uri = join(self._uri, f"{name}{path.suffix}" if path.is_file() else name)
        copy_out(path, uri, environ=self._environ)
        local = local_path(uri, environ=self._environ)
        if local is not None and digest_path(local) != digest:
            raise DataChangedError(f"{path} changed while it was saved as {name!r}: save it when it is complete")
        artifact = Artifact(name=name, uri=uri, digest=digest, format=format, size=size)
        self._artifacts[name] = artifact
        return artifact
