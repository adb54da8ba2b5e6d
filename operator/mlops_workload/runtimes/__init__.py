# SPDX-License-Identifier: Apache-2.0
"""Model servers of others, each with the thin part that puts our formats behind it."""
