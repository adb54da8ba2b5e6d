# SPDX-License-Identifier: Apache-2.0
"""Reconciling: the queue of keys, what a plan is, and how it is carried out."""
