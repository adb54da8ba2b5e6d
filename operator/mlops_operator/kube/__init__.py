"""The API server and nothing else: a thin client, watches, events, leases, credentials. Knows no kind of ours."""
