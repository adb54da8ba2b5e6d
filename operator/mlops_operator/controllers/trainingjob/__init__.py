# SPDX-License-Identifier: Apache-2.0
"""TrainingJob: one run of training code to its end, attempt by attempt."""
