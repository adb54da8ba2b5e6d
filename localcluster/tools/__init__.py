# SPDX-License-Identifier: Apache-2.0
"""The programs that a cluster is made of and tested with, built from pinned Go modules and cached by content."""

from localcluster.tools.build import (
    ensure_actionlint,
    ensure_flux,
    ensure_kind_tools,
    ensure_programs,
    ensure_tools,
    module_folder,
)
from localcluster.tools.catalog import kubernetes_version

__all__ = [
    "ensure_actionlint",
    "ensure_flux",
    "ensure_kind_tools",
    "ensure_programs",
    "ensure_tools",
    "kubernetes_version",
    "module_folder",
]
