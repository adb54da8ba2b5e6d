# SPDX-License-Identifier: Apache-2.0
"""The documents of the contract as pydantic models: the operator's side, and the source of their form.

Nothing that is put into an image of a user imports this package: `mlops_contract` itself describes the same documents
with the standard library alone. `tests/unit/contract/test_models.py` compares both.
"""
