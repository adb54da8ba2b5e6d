# SPDX-License-Identifier: Apache-2.0
"""Mutation testing of decisions: each mutant changes one operator or boundary, and a unit test must fail."""
