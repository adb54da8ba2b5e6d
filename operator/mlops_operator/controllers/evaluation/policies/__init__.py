# SPDX-License-Identifier: Apache-2.0
"""What decides an Evaluation: sample size, floor, change, and how the rules add up."""
