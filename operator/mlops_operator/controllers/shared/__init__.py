# SPDX-License-Identifier: Apache-2.0
"""What several kinds' controllers need: names, labels, pods, Jobs and their results."""
