"""Access to the API server: a thin client, watches, events, leases, credentials. Independent of the operator's
kinds."""
