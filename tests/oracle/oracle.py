"""The outside judge: reads the sockets of another process, by pid.

    python3 oracle.py                                   JSON lines: {id, op, ...} -> {id, ok, ...}
    python3 oracle.py read --pid N --local 127.0.0.1:1 --remote 127.0.0.1:2
    python3 oracle.py readListener --pid N --local 127.0.0.1:1
    python3 oracle.py set --pid N --fd 20 --keepidle 111 --keepintvl 22 --keepcnt 7

The server ends when its standard input does, so it never outlives its parent.
"""

import argparse
import errno
import json
import os
import sys
import threading
import time

sys.dont_write_bytecode = True  # the checkout stays as it is

from find import every_tcp_socket, find  # noqa: E402
from sockets import OPTIONS, OracleError, Process, describe, is_tcp, tcp_info  # noqa: E402


def read(question):
    with Process(question["pid"]) as process:
        fd, sock = find(process, question)
        with sock:
            return {"socket": describe(fd, sock)}


def read_listener(question):
    return read({**question, "remote": None})


def read_all(question):
    with Process(question["pid"]) as process:
        return {"sockets": every_tcp_socket(process)}


def set_options(question):
    """Presets a socket of another process, so that a test can tell "set" from "left alone"."""
    with Process(question["pid"]) as process:
        fd, sock = find(process, question)
        with sock:
            for name, (level, number) in OPTIONS.items():
                if question.get(name) is not None:
                    sock.setsockopt(level, number, int(question[name]))
            return {"socket": describe(fd, sock)}


def read_tcp_info(question):
    with Process(question["pid"]) as process:
        _, sock = find(process, question)
        with sock:
            return {"info": tcp_info(sock)}


def count_fds(question):
    counts = {"sockets": 0, "tcp": 0, "unix": 0, "other": 0, "total": 0}
    with Process(question["pid"]) as process:
        for fd, target in process.fds():
            counts["total"] += 1
            if not target.startswith("socket:"):
                counts["other"] += 1
                continue
            counts["sockets"] += 1
            sock = process.take(fd)
            if sock is None:
                continue
            with sock:
                if is_tcp(sock):
                    counts["tcp"] += 1
                elif sock.family.name == "AF_UNIX":
                    counts["unix"] += 1
    return {"counts": counts}


def _memory(pid):
    """Bytes resident now and at most, from /proc/PID/status (which counts in KiB)."""
    found = {}
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            key, _, value = line.partition(":")
            if key in ("VmRSS", "VmHWM"):
                found[key] = int(value.split()[0]) * 1024
    if not found:
        raise OracleError("ESRCH", f"Process {pid} has no memory: it has ended")
    return {"rss": found["VmRSS"], "highWater": found["VmHWM"]}


def rss(question):
    """With `resetPeak` the kernel's high-water mark starts again from now (clear_refs 5)."""
    if question.get("resetPeak"):
        with open(f"/proc/{question['pid']}/clear_refs", "w", encoding="ascii") as control:
            control.write("5")
    return {"memory": _memory(question["pid"])}


def sample_rss(question):
    """The least and the most resident bytes seen during `seconds`."""
    until = time.monotonic() + min(float(question.get("seconds", 1)), 120)
    pause = max(float(question.get("every", 0.01)), 0.001)
    low = high = _memory(question["pid"])["rss"]
    while time.monotonic() < until:
        time.sleep(pause)
        now = _memory(question["pid"])["rss"]
        low, high = min(low, now), max(high, now)
    return {"memory": {"low": low, "high": high}}


def cpu(question):
    """Seconds of processor time that the process has used (utime and stime, proc_pid_stat(5))."""
    with open(f"/proc/{question['pid']}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return {"seconds": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")}


OPS = {
    "read": read, "readListener": read_listener, "all": read_all, "set": set_options,
    "tcpinfo": read_tcp_info, "countFds": count_fds, "rss": rss, "sampleRss": sample_rss,
    "cpu": cpu,
}


def answer(question):
    try:
        return {"ok": True, **OPS[question["op"]](question)}
    except OracleError as error:
        return {"ok": False, "code": error.code, "message": str(error)}
    except KeyError as error:
        return {"ok": False, "code": "EINVAL", "message": f"The request lacks or has an unknown {error}"}
    except (OSError, ValueError) as error:
        code = "EIO" if not isinstance(error, OSError) else _errno_name(error)
        return {"ok": False, "code": code, "message": f"Cannot {question['op']}: {error}"}


def _errno_name(error):
    return errno.errorcode.get(error.errno, "EIO")


def serve():
    """Answers in order; only a long sampling runs beside, so that it holds nothing back."""
    lock = threading.Lock()

    def run(question):
        line = json.dumps({"id": question.get("id"), **answer(question)})
        with lock:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    for line in sys.stdin:
        if not line.strip():
            continue
        question = json.loads(line)
        if question.get("op") == "sampleRss":
            threading.Thread(target=run, args=(question,), daemon=True).start()
        else:
            run(question)


def main():
    if len(sys.argv) == 1 or sys.argv[1] == "serve":
        serve()
        return 0
    parser = argparse.ArgumentParser(description="Reads sockets of another process")
    parser.add_argument("op", choices=sorted(OPS))
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--fd", type=int)
    parser.add_argument("--local")
    parser.add_argument("--remote")
    parser.add_argument("--seconds", type=float)
    for name in OPTIONS:
        parser.add_argument(f"--{name}", type=int)
    question = {key: value for key, value in vars(parser.parse_args()).items() if value is not None}
    result = answer(question)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BrokenPipeError, KeyboardInterrupt):
        # The parent is gone: nobody is left to answer.
        os._exit(0)
