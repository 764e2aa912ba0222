"""Runs a command that ends when the process that started it ends, however that happens.

    python3 leash.py -- node x.js

The command keeps this process's pid. A watcher beside it waits for whichever
ends first; PR_SET_PDEATHSIG would not do, as it fires already when the
*thread* that started the command ends.

It also lets the oracle look into the command where kernel.yama.ptrace_scope is
1, under which a process may look into its own descendants only.
"""

import ctypes
import os
import select
import signal
import sys


PR_SET_PTRACER, PR_SET_PTRACER_ANY = 0x59616D61, ctypes.c_ulong(-1)


def watch(parent, command):
    for descriptor in (0, 1, 2):
        os.close(descriptor)  # else whoever reads the command's output never sees its end
    try:
        pidfds = [os.pidfd_open(parent), os.pidfd_open(command)]
    except OSError:
        pidfds = []
    poller = select.poll()
    for pidfd in pidfds:
        poller.register(pidfd, select.POLLIN)
    ended = [descriptor for descriptor, _ in poller.poll()] if pidfds else []
    if pidfds and pidfds[1] in ended:
        return
    os.kill(command, signal.SIGKILL)


def main():
    parent, command = os.getppid(), os.getpid()
    arguments = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    # Twice, so that the command has no child it does not know of.
    first = os.fork()
    if first == 0:
        if os.fork() == 0:
            try:
                watch(parent, command)
            except ProcessLookupError:
                pass
        os._exit(0)
    os.waitpid(first, 0)
    # It stays across exec. Without yama there is nothing to allow, and the call fails.
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    os.execvp(arguments[0], arguments)


if __name__ == "__main__":
    main()
