# SPDX-License-Identifier: Apache-2.0
"""What decides a ModelMonitor: which window is due, what is usual, and what breaches a limit."""
