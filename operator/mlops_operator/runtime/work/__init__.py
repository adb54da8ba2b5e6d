"""Reconciling: the queue of keys, what a plan is, and how it is carried out."""
