# SPDX-License-Identifier: Apache-2.0
"""The decisions of a rollout, one pure function of facts and time each."""
