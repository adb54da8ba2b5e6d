# SPDX-License-Identifier: Apache-2.0
"""What the operator asks of the pods, one module for each command of `mlops_workload`."""
