# SPDX-License-Identifier: Apache-2.0
"""How the project's container images are made, without Docker and without root.

``python -m images build`` writes OCI archives; :mod:`images.catalog` lists the content of each.
"""
