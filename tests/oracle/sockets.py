"""Takes sockets out of another process and reads what the kernel holds for them.

Shares nothing with the library under test: Python's standard library and two
system calls. A socket is taken for the length of one reading only, because as
long as a copy exists here a close(2) over there does not end the connection.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import termios

PIDFD_OPEN, PIDFD_GETFD = 434, 438  # the same numbers on every architecture

# Linux numbers, written out: include/uapi/linux/tcp.h and asm-generic/socket.h.
SOL_SOCKET, IPPROTO_TCP = 1, 6
SO_DOMAIN, SO_TYPE, SO_KEEPALIVE, SO_ACCEPTCONN = 39, 3, 9, 30
OPTIONS = {
    "nodelay": (IPPROTO_TCP, 1),
    "keepidle": (IPPROTO_TCP, 4),
    "keepintvl": (IPPROTO_TCP, 5),
    "keepcnt": (IPPROTO_TCP, 6),
    "usertimeout": (IPPROTO_TCP, 18),
    "keepalive": (SOL_SOCKET, SO_KEEPALIVE),
}
TCP_INFO = 11
STATES = (
    "", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
)

_libc = ctypes.CDLL(None, use_errno=True)


class OracleError(Exception):
    """A question that has no answer; `code` tells which kind."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def _syscall(number, *arguments):
    result = _libc.syscall(number, *arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class Process:
    """One process whose sockets can be taken."""

    def __init__(self, pid):
        self.pid = pid
        try:
            self._pidfd = _syscall(PIDFD_OPEN, pid, 0)
        except OSError as error:
            raise OracleError("ESRCH", f"Cannot open process {pid}: {error.strerror}") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._pidfd)

    def fds(self):
        """fd number and link target of every open file, in fd order."""
        directory = f"/proc/{self.pid}/fd"
        for name in sorted(map(int, os.listdir(directory))):
            try:
                yield name, os.readlink(f"{directory}/{name}")
            except OSError:
                continue  # closed since the directory was read

    def socket_fds(self):
        return [fd for fd, target in self.fds() if target.startswith("socket:")]

    def take(self, fd):
        """A copy of the other process's socket, or None when the fd is gone by now."""
        try:
            return socket.socket(fileno=_syscall(PIDFD_GETFD, self._pidfd, fd, 0))
        except OSError as error:
            if error.errno in (errno.EBADF, errno.ENOTSOCK):
                return None
            if error.errno == errno.EPERM:
                raise OracleError(
                    "EPERM",
                    f"Cannot take sockets of process {self.pid}: it needs the right to trace it"
                    " (root, CAP_SYS_PTRACE, or kernel.yama.ptrace_scope = 0)",
                ) from error
            raise


def address_of(name):
    """`host:port` or `[host]:port`; v4-mapped IPv6 is written as the IPv4 it is."""
    if not isinstance(name, tuple):
        return None
    host, port = name[0].split("%")[0], name[1]
    if host.startswith("::ffff:") and "." in host:
        host = host[7:]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(text):
    """The one spelling of an address, so that every spelling of it compares equal."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if ":" in host:
        host = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host))
    else:
        host = socket.inet_ntop(socket.AF_INET, socket.inet_aton(host))
    return address_of((host, int(port)))


def is_tcp(sock):
    return (
        sock.family in (socket.AF_INET, socket.AF_INET6)
        and sock.getsockopt(SOL_SOCKET, SO_TYPE) == socket.SOCK_STREAM
    )


def names(sock):
    """Local and remote address; a socket that is not connected has no remote one."""
    try:
        local = address_of(sock.getsockname())
    except OSError:
        local = None
    try:
        remote = address_of(sock.getpeername())
    except OSError:
        remote = None
    return local, remote


def describe(fd, sock):
    """Everything the kernel holds for one TCP socket, in the kernel's own units."""
    local, remote = names(sock)
    found = {
        "fd": fd,
        "family": "ipv6" if sock.family == socket.AF_INET6 else "ipv4",
        "local": local,
        "remote": remote,
        "listening": bool(sock.getsockopt(SOL_SOCKET, SO_ACCEPTCONN)),
        "state": tcp_state(sock),
    }
    for name, (level, number) in OPTIONS.items():
        found[name] = sock.getsockopt(level, number)
    found["keepalive"] = bool(found["keepalive"])
    found["nodelay"] = bool(found["nodelay"])
    return found


def tcp_state(sock):
    return STATES[sock.getsockopt(IPPROTO_TCP, TCP_INFO, 1)[0]]


def tcp_info(sock):
    """The fields of TCP_INFO (offsets: struct tcp_info), in the kernel's units, and what waits to be read."""
    raw = sock.getsockopt(IPPROTO_TCP, TCP_INFO, 512)
    names_at = {
        "rto": 8, "ato": 12, "sndMss": 16, "rcvMss": 20, "unacked": 24, "sacked": 28, "lost": 32, "retrans": 36,
        "lastDataSent": 44, "lastDataRecv": 52, "lastAckRecv": 56, "pmtu": 60, "rcvSsthresh": 64,
        "rtt": 68, "rttvar": 72, "sndSsthresh": 76, "sndCwnd": 80, "advmss": 84, "reordering": 88,
        "rcvRtt": 92, "rcvSpace": 96, "totalRetrans": 100, "segsOut": 136, "segsIn": 140,
        "notsentBytes": 144, "minRtt": 148, "dataSegsIn": 152, "dataSegsOut": 156, "delivered": 192,
        "deliveredCe": 196, "dsackDups": 216, "reordSeen": 220, "rcvOoopack": 224, "sndWnd": 228,
        "rcvWnd": 232, "rehash": 236, "totalRtoTime": 244, "receivedCe": 248,
    }
    short_at = {"totalRto": 240, "totalRtoRecoveries": 242, "accecnFailMode": 276, "accecnOptSeen": 278}
    wide_at = {
        "pacingRate": 104, "maxPacingRate": 112, "bytesAcked": 120, "bytesReceived": 128,
        "deliveryRate": 160, "busyTime": 168, "rwndLimited": 176, "sndbufLimited": 184,
        "bytesSent": 200, "bytesRetrans": 208,
    }
    info = {
        "length": len(raw), "state": STATES[raw[0]], "caState": raw[1],
        "retransmits": raw[2], "probes": raw[3], "backoff": raw[4], "options": raw[5],
    }
    for name, at in names_at.items():
        if at + 4 <= len(raw):
            info[name] = struct.unpack_from("=I", raw, at)[0]
    if len(raw) > 7:
        info |= {"sndWscale": raw[6] & 15, "rcvWscale": raw[6] >> 4, "deliveryRateAppLimited": raw[7] & 1}
    for name, at in short_at.items():
        if at + 2 <= len(raw):
            info[name] = struct.unpack_from("=H", raw, at)[0]
    for name, at in wide_at.items():
        if at + 8 <= len(raw):
            info[name] = struct.unpack_from("=Q", raw, at)[0]
    if info["state"] != "LISTEN":
        info["unread"] = struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, struct.pack("i", 0)))[0]
    return info
