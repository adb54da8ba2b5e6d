# SPDX-License-Identifier: Apache-2.0
"""The decisions on a TrainingJob, each a small pure function of its own."""
