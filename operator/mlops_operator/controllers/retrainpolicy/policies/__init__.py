# SPDX-License-Identifier: Apache-2.0
"""What decides a RetrainPolicy: signals, schedules, guards, and what is remembered."""
