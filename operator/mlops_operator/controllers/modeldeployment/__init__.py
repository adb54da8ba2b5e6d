# SPDX-License-Identifier: Apache-2.0
"""ModelDeployment: serves a model version, and lets the next one take over in steps."""
