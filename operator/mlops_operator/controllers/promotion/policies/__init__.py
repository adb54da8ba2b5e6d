# SPDX-License-Identifier: Apache-2.0
"""What decides a Promotion, one question each."""
