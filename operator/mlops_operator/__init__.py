# SPDX-License-Identifier: Apache-2.0
"""The control plane: reconciles machine-learning objects into Kubernetes workloads.

Layers, lowest first, enforced by a linter: `api` (kinds), `kube` (the API client),
`runtime` (the reconcile engine), `controllers` (one folder a kind), entry points.
"""

__version__ = "0.2.0"
