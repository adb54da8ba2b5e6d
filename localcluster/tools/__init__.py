"""The programs that a cluster is made of, built from one pinned Go module and cached by content."""

from localcluster.tools.build import ensure_tools
from localcluster.tools.catalog import kubernetes_version

__all__ = ["ensure_tools", "kubernetes_version"]
