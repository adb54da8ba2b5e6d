# SPDX-License-Identifier: Apache-2.0
"""Access to the API server: a thin client, watches, events, leases, credentials. Independent of the operator's
kinds."""
