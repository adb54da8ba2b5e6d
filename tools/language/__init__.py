# SPDX-License-Identifier: Apache-2.0
"""Deny-list of words for docstrings, comments, messages and documentation, with their replacements.

`python -m tools.language` counts the denied words by folder; `python -m tools.language FOLDER...` lists them.
"""
