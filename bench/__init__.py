# SPDX-License-Identifier: Apache-2.0
"""What the operator costs: counts are exact, times are this machine's."""
