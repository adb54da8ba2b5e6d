# SPDX-License-Identifier: Apache-2.0
"""The documentation site: staging, navigation, diagrams and the build."""
