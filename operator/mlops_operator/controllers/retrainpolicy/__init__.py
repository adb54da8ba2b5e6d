# SPDX-License-Identifier: Apache-2.0
"""RetrainPolicy: triggers, guards, one training at a time, and the record of every decision."""
