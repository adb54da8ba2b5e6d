# SPDX-License-Identifier: Apache-2.0
"""Spec campaigns: objects walk through specs that their schema allows, forbids, or lets through by mistake."""
