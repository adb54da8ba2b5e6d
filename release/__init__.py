# SPDX-License-Identifier: Apache-2.0
"""Builds what a release consists of: wheels, chart packages, image archives, bills of materials and their digests."""
