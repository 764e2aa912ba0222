"""Runs a command in which setsockopt(2) fails for chosen options, as on a kernel that lacks them.

    python3 seccomp_run.py --fail TCP_KEEPCNT -- node x.js

The command and all its children get ENOPROTOOPT for these options (or another
errno by --errno); everything else works. x86-64 and aarch64.
"""

import argparse
import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000

# machine: AUDIT_ARCH value, number of setsockopt
MACHINES = {"x86_64": (0xC000003E, 54), "aarch64": (0xC00000B7, 208)}

OPTIONS = {
    "SO_KEEPALIVE": (1, 9),
    "TCP_NODELAY": (6, 1),
    "TCP_KEEPIDLE": (6, 4),
    "TCP_KEEPINTVL": (6, 5),
    "TCP_KEEPCNT": (6, 6),
    "TCP_USER_TIMEOUT": (6, 18),
}

# struct seccomp_data: nr at 0, arch at 4, args[n] at 16 + 8n (low half first on both machines)
NR, ARCH, LEVEL, OPTNAME = 0, 4, 24, 32
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06


def program(machine, options, number):
    """The filter as BPF instructions (code, jump if true, jump if false, operand)."""
    arch, setsockopt = MACHINES[machine]
    allow = (RETURN, 0, 0, RET_ALLOW)
    code = [
        (LOAD, 0, 0, ARCH), (JUMP_EQUAL, 1, 0, arch), allow,
        (LOAD, 0, 0, NR), (JUMP_EQUAL, 1, 0, setsockopt), allow,
    ]
    for level, optname in options:
        code += [
            (LOAD, 0, 0, LEVEL), (JUMP_EQUAL, 0, 3, level),
            (LOAD, 0, 0, OPTNAME), (JUMP_EQUAL, 0, 1, optname),
            (RETURN, 0, 0, RET_ERRNO | number),
        ]
    return code + [allow]


def install(code):
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    packed = b"".join(struct.pack("=HBBI", *line) for line in code)
    filter_program = Program(len(code), packed)
    zero = ctypes.c_ulong(0)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero),
        (PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(filter_program), zero, zero),
    ):
        if libc.prctl(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"Cannot install the filter: {os.strerror(number)}")


def main():
    parser = argparse.ArgumentParser(description="Runs a command in which chosen socket options fail")
    parser.add_argument("--fail", action="append", required=True, choices=sorted(OPTIONS))
    parser.add_argument("--errno", default="ENOPROTOOPT", help="name of the error, default ENOPROTOOPT")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        parser.error("a command is needed")
    machine = platform.machine()
    if machine not in MACHINES:
        parser.error(f"no filter is known for {machine}")
    install(program(machine, [OPTIONS[name] for name in arguments.fail], getattr(errno, arguments.errno)))
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main())
