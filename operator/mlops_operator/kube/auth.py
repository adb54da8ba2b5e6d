# SPDX-License-Identifier: Apache-2.0
"""Where the Authorization header comes from, and how it is kept fresh.

Every source answers from memory (`current`) until its value is due for renewal; only then is
`refresh` awaited. So a request costs nothing extra while the credentials are good.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from mlops_operator.kube.errors import ApiError

TOKEN_FILE_LIFETIME: Final = 60.0
"""Seconds for which a token file's content is trusted; the kubelet rotates it long before it expires."""

PLUGIN_LIFETIME: Final = 60.0
"""Seconds between questions to the credential plugin's cache, which itself knows when its token expires."""


class CredentialsError(ApiError):
    """The credentials cannot be read or made."""


class Authorization(Protocol):
    """A source of Authorization headers."""

    def current(self) -> str | None:
        """The header's value while it is fresh, `""` for none at all, or None when `refresh` is due."""
        ...

    async def refresh(self) -> str:
        """Renew and return the header's value.

        Raises:
            CredentialsError: where it cannot be renewed.
        """
        ...

    def copy(self) -> "Authorization":
        """The same source for another event loop in another thread."""
        ...


class StaticAuthorization:
    """A header that never changes; `""` where the TLS client certificate is all there is."""

    def __init__(self, header: str = "") -> None:
        self._header = header

    def current(self) -> str:
        """The header."""
        return self._header

    async def refresh(self) -> str:
        """The same header: there is nothing to renew."""
        return self._header

    def copy(self) -> "StaticAuthorization":
        """Itself: it has no state."""
        return self


class TokenFile:
    """A bearer token in a file that others rotate, such as a service account's."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._header = ""
        self._fresh_until = float("-inf")

    def current(self) -> str | None:
        """The header as last read, or None when the file is to be read again."""
        return self._header if self._clock() < self._fresh_until else None

    async def refresh(self) -> str:
        """Read the file. It is a few hundred bytes on a memory file system: no thread is worth it."""
        try:
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise CredentialsError(f"cannot read the bearer token in {self._path}: {error}") from error
        if not token:
            raise CredentialsError(f"the token file {self._path} is empty; expected a bearer token")
        self._header = f"Bearer {token}"
        self._fresh_until = self._clock() + TOKEN_FILE_LIFETIME
        return self._header

    def copy(self) -> "TokenFile":
        """Another reader of the same file."""
        return TokenFile(self._path, clock=self._clock)


class PluginAuthorization:
    """A header made by a kubeconfig's exec plugin or auth provider, asked through a blocking function."""

    def __init__(self, ask: Callable[[], str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._header = ""
        self._fresh_until = float("-inf")
        self._lock = asyncio.Lock()

    def current(self) -> str | None:
        """The header as last made, or None when the plugin is to be asked again."""
        return self._header if self._clock() < self._fresh_until else None

    async def refresh(self) -> str:
        """Ask the plugin in a thread; callers that arrive meanwhile share the answer."""
        asked_at = self._clock()
        async with self._lock:
            if self._fresh_until - PLUGIN_LIFETIME >= asked_at:
                return self._header
            try:
                self._header = await asyncio.to_thread(self._ask)
            except Exception as error:  # the plugin's library raises whatever it likes
                raise CredentialsError(f"the kubeconfig's credential plugin failed: {error}") from error
            self._fresh_until = self._clock() + PLUGIN_LIFETIME
            return self._header

    def copy(self) -> "PluginAuthorization":
        """Another one with a lock of its own; the plugin's function is shared."""
        return PluginAuthorization(self._ask, clock=self._clock)
