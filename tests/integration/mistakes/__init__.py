# SPDX-License-Identifier: Apache-2.0
"""Mistakes that users make, each with what they must be told, the correction, and the recovery.

Here are those that need no node: refused at admission (`refused.py`), or told in the status (`told.py`). Those that
need real pods are in `tests/e2e/test_mistakes.py`. The numbers of the rows are the same in both places.
"""
