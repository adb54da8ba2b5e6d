# SPDX-License-Identifier: Apache-2.0
"""The reconcile engine: caches, queues, plans carried out, leadership, health. Knows no kind of ours."""
