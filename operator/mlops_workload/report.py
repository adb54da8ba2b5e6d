# SPDX-License-Identifier: Apache-2.0
"""Reports: long JSON documents in the artifact store, pinned by digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mlops_contract import Report
from mlops_workload.digest import digest_file
from mlops_workload.store import copy_out
from mlops_workload.uri import join

REPORT_NAME: Final = "report.json"


def publish_report(
    document: Mapping[str, Any], output_uri: str, *, scratch: Path, environ: Mapping[str, str] | None = None
) -> Report:
    """Write `document` to `<output_uri>/report.json`; where it is and its digest.

    Raises:
        ArtifactUnreachableError: the store cannot be written.
    """
    path = scratch / REPORT_NAME
    path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    uri = join(output_uri, REPORT_NAME)
    copy_out(path, uri, environ=environ)
    return Report(uri=uri, digest=digest_file(path))
