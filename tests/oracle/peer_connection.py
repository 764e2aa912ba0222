"""One raw connection of the scripted peer: blocking calls on a socket, each run in a thread of its own."""

import base64
import errno
import fcntl
import hashlib
import random
import select
import socket
import struct
import termios
import threading
import time

from stream import SeededStream
from tls_socket import TlsSocket

SIOCOUTQ = 0x5411
STATES = (
    "", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
)


def errno_name(error):
    return getattr(error, "name", None) or errno.errorcode.get(error.errno, "EIO")


def plain_address(sock, name):
    if sock.family == socket.AF_UNIX:
        return {"transport": "unix", "path": name if isinstance(name, str) else ""}
    host = name[0].split("%")[0]
    if host.startswith("::ffff:") and "." in host:
        host = host[7:]
    return {"transport": "tcp", "hostname": host, "port": name[1]}


class PeerConnection:
    """Counts what it moved; `cancelled` ends whatever it is doing."""

    def __init__(self, number, sock):
        self.number = number
        self.sock = sock
        self.sent = 0
        self.received = 0
        self.closed = False
        self.tls = None
        self._cancelled = threading.Event()
        sock.setblocking(False)

    def describe(self):
        return {
            "conn": self.number,
            "local": plain_address(self.sock, self.sock.getsockname()),
            "remote": plain_address(self.sock, self.sock.getpeername()),
        }

    def cancel(self):
        self._cancelled.set()
        self._cancelled = threading.Event()

    def _wait(self, events, until, cancelled):
        """True when the socket is ready; a text when it is time to stop."""
        poller = select.poll()
        poller.register(self.sock, events)
        while True:
            if self.closed:
                return "closed"
            if cancelled.is_set():
                return "cancelled"
            left = until - time.monotonic()
            if left <= 0:
                return "timeout"
            # Short waits, so that a close or cancel from another thread is seen.
            wait = self.sock.wait if self.tls else lambda _events, limit: poller.poll(limit)
            if wait(events, min(left, 0.05) * 1000):
                return True

    def secure(self, request):
        """Makes TLS of the connection, as its server or its client; `error` says why not."""
        self.tls = TlsSocket(self.sock, request)
        self.sock = self.tls
        return {**self.tls.handshake(request.get("timeout", 10)), "records": self.tls.records()}

    def seen(self, _request=None):
        """What has come on the wire since TLS began."""
        first = base64.b64encode(self.tls.first_bytes()).decode()
        return {"records": self.tls.records(), "first": first}

    def send_raw(self, request):
        """Past TLS."""
        self.tls.send_raw(base64.b64decode(request["data"]))
        return {}

    def close_notify(self, _request=None):
        self.tls.close_notify()
        return {}

    def send(self, request):
        """Sends `bytes` of the seeded stream, or the literal `data`. `end` is "done" or why it stopped."""
        cancelled = self._cancelled
        literal = base64.b64decode(request["data"]) if "data" in request else None
        length = len(literal) if literal is not None else request["bytes"]
        stream = None if literal is not None else SeededStream(request.get("seed", "seed"))
        low, high = request.get("pieces", (65_536, 65_536))
        pieces = random.Random(str(request.get("seed", "pieces")))
        pace = Pace(request.get("rate"))
        until = time.monotonic() + request.get("timeout", 60)
        digest, sent, end = hashlib.sha256(), 0, "done"
        while sent < length and end == "done":
            size = min(length - sent, low if low == high else pieces.randint(low, high))
            data = literal[sent:sent + size] if literal is not None else stream.take(size)
            taken, end = self._send_piece(data, until, cancelled)
            digest.update(data[:taken])
            sent += taken
            pace.moved(taken, cancelled)
        return {"bytes": sent, "sha256": digest.hexdigest(), "end": end}

    def _send_piece(self, data, until, cancelled):
        at = 0
        while at < len(data) and not cancelled.is_set():
            # Asked first and waited only then: a million single bytes go out in this way.
            try:
                taken = self.sock.send(data[at:] if at else data)
            except BlockingIOError:
                ready = self._wait(select.POLLOUT, until, cancelled)
                if ready is not True:
                    return at, ready
                continue
            except OSError as error:
                return at, "closed" if self.closed else errno_name(error)
            at += taken
            self.sent += taken
        return at, "done" if at == len(data) else "cancelled"

    def receive(self, request):
        """Reads until the end of the stream or `bytes`. `end`: eof, limit, timeout, cancelled, closed or an errno name."""
        cancelled = self._cancelled
        limit = request.get("bytes")
        chunk = request.get("chunk", 262_144)
        pace = Pace(request.get("rate"))
        until = time.monotonic() + request.get("timeout", 60)
        hashes, kept = request.get("hash", True), [] if request.get("keep") else None
        digest, received = hashlib.sha256(), 0
        while True:
            if limit is not None and received >= limit:
                end = "limit"
                break
            end = self._wait(select.POLLIN, until, cancelled)
            if end is not True:
                break
            try:
                data = self.sock.recv(chunk if limit is None else min(chunk, limit - received))
            except BlockingIOError:
                continue
            except OSError as error:
                end = "closed" if self.closed else errno_name(error)
                break
            if not data:
                end = "eof"
                break
            received += len(data)
            self.received += len(data)
            if hashes:
                digest.update(data)
            if kept is not None:
                kept.append(data)
            pace.moved(len(data), cancelled)
        result = {"bytes": received, "end": end}
        if hashes:
            result["sha256"] = digest.hexdigest()
        if kept is not None:
            result["data"] = base64.b64encode(b"".join(kept)).decode()
        return result

    def exchange(self, request):
        """Sends and receives at once; gives both results."""
        sent = {}
        sender = threading.Thread(target=lambda: sent.update(self._send_and_finish(request["send"])), daemon=True)
        sender.start()
        received = self.receive(request["receive"])
        sender.join(request["send"].get("timeout", 60) + 5)
        return {"sent": sent, "received": received}

    def _send_and_finish(self, request):
        result = self.send(request)
        if request.get("fin") and result["end"] == "done":
            self.shutdown({})
        return result

    def wait_for_end(self, request):
        """How the other side ended, told without reading a byte: "fin", "reset" (any error) or "timeout"."""
        until = time.monotonic() + request.get("timeout", 10)
        poller = select.poll()
        poller.register(self.sock, select.POLLRDHUP)
        while time.monotonic() < until:
            for _, events in poller.poll(50):
                if self.closed:
                    return {"end": "closed"}
                if events & select.POLLERR:
                    return {"end": "reset"}
                return {"end": "fin"}
        return {"end": "timeout"}

    def shutdown(self, request):
        """A FIN; behind `close_notify` where there is TLS, unless `bare`."""
        try:
            if self.tls and request.get("bare"):
                self.tls.shutdown_bare()
            else:
                self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            return {"end": errno_name(error)}
        return {"end": "done"}

    def close(self, request=None):
        """close(2), after `delay` seconds if asked."""
        time.sleep((request or {}).get("delay", 0))
        self.closed = True
        self.sock.close()
        return {}

    def reset(self, request=None):
        """RST: what is queued is thrown away. After `delay` seconds and `bytes` of the seeded stream, if asked."""
        request = request or {}
        time.sleep(request.get("delay", 0))
        if request.get("bytes"):
            self.send(request)
        self.closed = True
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        return {}

    def status(self, _request=None):
        if self.closed:
            return {"sent": self.sent, "received": self.received, "state": "closed"}
        found = {"sent": self.sent, "received": self.received, "unread": self._count(termios.FIONREAD)}
        if self.sock.family != socket.AF_UNIX:
            found["unacknowledged"] = self._count(SIOCOUTQ)
            info = self.sock.getsockopt(socket.IPPROTO_TCP, 11, 1)
            found["state"] = STATES[info[0]]
        return found

    def _count(self, request):
        return struct.unpack("i", fcntl.ioctl(self.sock, request, struct.pack("i", 0)))[0]


class Pace:
    """Holds a mover back to `rate` bytes per second; no rate is no pace."""

    def __init__(self, rate):
        self._rate = rate
        self._due = time.monotonic()

    def moved(self, count, cancelled):
        if not self._rate:
            return
        self._due += count / self._rate
        wait = self._due - time.monotonic()
        if wait > 0:
            cancelled.wait(wait)
