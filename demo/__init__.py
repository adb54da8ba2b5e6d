# SPDX-License-Identifier: Apache-2.0
"""The demonstration: a cluster, the operator, and the whole loop on scikit-learn's digits."""
