"""Spec campaigns: objects walk through specs that their schema allows, forbids, or lets through by mistake."""
