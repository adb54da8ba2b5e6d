# SPDX-License-Identifier: Apache-2.0
"""ModelMonitor: one Job measures each window, pure policies say what its numbers mean."""
