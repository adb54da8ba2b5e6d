# SPDX-License-Identifier: Apache-2.0
"""The adapter to kopf, through which objects of the operator's own kinds arrive. Nothing else imports kopf."""
