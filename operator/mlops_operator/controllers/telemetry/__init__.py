# SPDX-License-Identifier: Apache-2.0
"""Metrics of models and what is done for them: counts without names, and gauges of single objects."""
