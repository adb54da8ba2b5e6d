# SPDX-License-Identifier: Apache-2.0
"""The native engine: a real Kubernetes node in namespaces of its own, without Docker."""
