# SPDX-License-Identifier: Apache-2.0
"""What the controllers of all kinds are made of: one meaning of rejections, findings, status and events."""
