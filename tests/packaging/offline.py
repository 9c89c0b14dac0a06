"""`python offline.py COMMAND ...`: run it where making a network socket is death by SIGSYS, children included.

A filter in the kernel (seccomp), so that it also holds for programs that are no Python, and finds an attempt that would
have failed in silence. Sockets of this host (AF_UNIX), which a C library's name service may use, are let be.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

SOCKET = {"x86_64": 41, "aarch64": 198}  # the system call's number
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_AT, FIRST_ARGUMENT_AT = 0, 16  # in struct seccomp_data
AF_UNIX = 1
ALLOW, KILL = 0x7FFF0000, 0x80000000
NOT_HERE = 77


def main() -> None:
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (LOAD, 0, 0, NUMBER_AT),
            (JUMP_IF_EQUAL, 0, 2, SOCKET[platform.machine()]),
            (LOAD, 0, 0, FIRST_ARGUMENT_AT),
            (JUMP_IF_EQUAL, 0, 1, AF_UNIX),
            (RETURN, 0, 0, ALLOW),
            (RETURN, 0, 0, KILL),
        )
    )
    code = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0):
        print(f"no filters here: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
        sys.exit(NOT_HERE)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
