"""The programs that a cluster is made of, built from one pinned Go module and cached by content."""

from localcluster.tools.build import ensure_kind_tools, ensure_programs, ensure_tools, module_folder
from localcluster.tools.catalog import kubernetes_version

__all__ = ["ensure_kind_tools", "ensure_programs", "ensure_tools", "kubernetes_version", "module_folder"]
