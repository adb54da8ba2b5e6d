# SPDX-License-Identifier: Apache-2.0
"""F15: the disk under etcd is full."""
