"""Metrics of models and what is done for them: counts without names, and gauges of single objects."""
