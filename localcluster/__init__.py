# SPDX-License-Identifier: Apache-2.0
"""Local Kubernetes clusters for development and tests, with or without Docker.

    from localcluster import Cluster

    with Cluster("my-test", "control-plane") as cluster:
        print(cluster.kubeconfig)

On the command line: ``python -m localcluster --help``.
"""

from localcluster.cluster import Cluster
from localcluster.engine import ComponentStatus, EngineName
from localcluster.errors import LocalClusterError

__all__ = ["Cluster", "ComponentStatus", "EngineName", "LocalClusterError"]
