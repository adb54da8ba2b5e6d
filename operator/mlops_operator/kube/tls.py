# SPDX-License-Identifier: Apache-2.0
"""TLS without waste."""

import asyncio.sslproto
from typing import Final

READ_BUFFER: Final = 32 * 1024
"""Bytes read at once from a TLS connection. asyncio's own 256 KiB are kept by every connection for as long as
it lives: 4 MB for the watches of an idle operator, which read a few kilobytes a minute."""


def shrink_tls_buffers() -> None:
    """Give TLS connections of this process smaller read buffers; call it before the first one."""
    asyncio.sslproto.SSLProtocol.max_size = min(asyncio.sslproto.SSLProtocol.max_size, READ_BUFFER)
