"""Runs a command on a terminal of its own: what would ask a person asks there.

    python3 terminal.py -- deno run x.ts

All that it prints comes on standard output.
"""

import os
import pty
import sys


def main():
    arguments = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    return os.waitstatus_to_exitcode(pty.spawn(arguments))


if __name__ == "__main__":
    sys.exit(main())
