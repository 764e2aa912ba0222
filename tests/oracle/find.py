"""Finds one socket of a process by what is known of it: its fd, its addresses, or its listening address.

Looking into each socket beats /proc/PID/net/tcp: 4,000 take 40 ms, and a
socket in CLOSE, which that table leaves out, is found as well.
"""

from sockets import SO_ACCEPTCONN, SOL_SOCKET, OracleError, describe, is_tcp, names, parse_address


def find(process, question):
    """One (fd, socket); the caller closes the socket."""
    if question.get("fd") is not None:
        sock = process.take(question["fd"])
        if sock is None:
            raise OracleError("EBADF", f"fd {question['fd']} of process {process.pid} is not a socket")
        return question["fd"], sock
    local = parse_address(question["local"])
    remote = parse_address(question["remote"]) if question.get("remote") else None
    for fd in process.socket_fds():
        sock = process.take(fd)
        if sock is None:
            continue
        if is_tcp(sock) and names(sock) == (local, remote) and (remote or _listens(sock)):
            return fd, sock
        sock.close()
    kind = f"connection {local} -> {remote}" if remote else f"listener on {local}"
    raise OracleError("ENOENT", f"Process {process.pid} has no {kind}")


def every_tcp_socket(process):
    found = []
    for fd in process.socket_fds():
        sock = process.take(fd)
        if sock is None:
            continue
        with sock:
            if is_tcp(sock):
                found.append(describe(fd, sock))
    return found


def _listens(sock):
    return bool(sock.getsockopt(SOL_SOCKET, SO_ACCEPTCONN))
