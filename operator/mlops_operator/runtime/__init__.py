"""The reconcile engine: caches, queues, plans carried out, leadership, health. Knows no kind of ours."""
