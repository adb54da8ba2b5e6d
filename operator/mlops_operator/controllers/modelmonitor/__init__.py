"""ModelMonitor: one Job measures each window, pure policies say what its numbers mean."""
