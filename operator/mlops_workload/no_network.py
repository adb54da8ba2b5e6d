# SPDX-License-Identifier: Apache-2.0
"""Take the network from a process before it runs the code of a model.

The containers of a pod share its network, so no NetworkPolicy can distinguish a container that predicts from one that
fetches. A seccomp filter can: it is of the process, all its threads and every process that it starts, and cannot be
removed. Any user may install one; it needs neither capabilities nor a network plug-in.

https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from typing import Final, NamedTuple


class _Machine(NamedTuple):
    """Numbers of an architecture: `AUDIT_ARCH_*` of linux/audit.h, and system calls."""

    audit: int
    socket: int
    seccomp: int


_MACHINES: Final = {
    "x86_64": _Machine(audit=0xC000003E, socket=41, seccomp=317),
    "aarch64": _Machine(audit=0xC00000B7, socket=198, seccomp=277),
}

_IO_URING_SETUP: Final = 425
"""The same on all architectures; sockets can be made through such a ring, too."""

_X32: Final = 0x40000000
"""System calls of the x32 ABI, on x86_64, begin here: other numbers for the same calls."""

_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in `struct seccomp_data`; both architectures have the lower half of the argument first."""

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
"""Instructions of BPF: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_RET|BPF_K."""

_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EACCES

_PR_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER, _ALL_THREADS = 1, 1


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _instructions(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """The filter: operation, what to skip if true and if false, value. Sockets but those of AF_UNIX are refused."""
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 0, 6, machine.audit),  # 32-bit calls on a 64-bit kernel have other numbers
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_AT_LEAST, 4, 0, _X32),
        (_JUMP_IF_EQUAL, 3, 0, _IO_URING_SETUP),
        (_JUMP_IF_EQUAL, 0, 3, machine.socket),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_IF_EQUAL, 1, 0, socket.AF_UNIX),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def forbid_network() -> str | None:
    """Refuse this process, its threads and its children every socket but those of AF_UNIX, permanently.

    Returns:
        Why that is not possible on this machine; None where it is done.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return f"expected one of the machines {', '.join(_MACHINES)}, found {platform.machine()}"
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions(machine))
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return f"prctl: {os.strerror(ctypes.get_errno())}"
    if libc.syscall(machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)):
        return f"seccomp: {os.strerror(ctypes.get_errno())}"
    return None
