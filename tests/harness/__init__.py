# SPDX-License-Identifier: Apache-2.0
"""What several test suites share: an audit-log reader, a fake kubelet, a small kind of their own."""
