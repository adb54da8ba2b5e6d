# SPDX-License-Identifier: Apache-2.0
"""Chart packages, as `helm package` names and lays them out, with fixed order, modes and times."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

from release.distributions import ROOT, version

CHARTS = ("mlops-operator-crds", "mlops-operator")


def package_charts(output: Path, *, epoch: int) -> list[Path]:
    """An archive of each chart, in ``output``; ``epoch`` is the time of every file in them."""
    return [_package(ROOT / "helm" / name, output / f"{name}-{version()}.tgz", epoch) for name in CHARTS]


def _package(chart: Path, target: Path, epoch: int) -> Path:
    with (
        target.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=epoch) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        files = [path for path in chart.rglob("*") if path.is_file()]
        # Helm reads Chart.yaml first.
        for path in sorted(files, key=lambda path: (path != chart / "Chart.yaml", path.as_posix())):
            member = tarfile.TarInfo(f"{chart.name}/{path.relative_to(chart).as_posix()}")
            member.size, member.mtime, member.mode = path.stat().st_size, epoch, 0o644
            with path.open("rb") as content:
                archive.addfile(member, content)
    return target
