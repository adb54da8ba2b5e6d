# SPDX-License-Identifier: Apache-2.0
"""ModelVersion: one artifact, checked against its digest, and where it is used."""
