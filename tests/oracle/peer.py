"""A scripted raw TCP and Unix peer in a process of its own: JSON lines in, JSON lines out.

    {"id": 1, "op": "listen"} -> {"id": 1, "ok": true, "listener": 1, "address": {...}}

Every command runs in its own thread, so that a long receive holds back
nothing. Events carry no id: {"event": "accepted", ...}. It ends when its
standard input does, and dials and listens on loopback only.
"""

import json
import os
import queue
import random
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True  # the checkout stays as it is

from peer_connection import PeerConnection, errno_name, plain_address  # noqa: E402
from reconnect import ReconnectLoop  # noqa: E402


class PeerError(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class PeerListener:
    """Counts what it accepted; accepts by itself unless told not to."""

    def __init__(self, peer, number, sock, by_itself):
        self._peer = peer
        self.number = number
        self.sock = sock
        self.count = 0
        self.fillers = []
        self._accepted = queue.Queue()
        self._by_itself = by_itself
        sock.settimeout(0.05)
        if by_itself:
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                self._accepted.put(self._take())
            except socket.timeout:
                continue
            except OSError:
                return  # closed

    def _take(self):
        sock, _ = self.sock.accept()
        self.count += 1
        try:
            connection = self._peer.adopt(sock)
            self._peer.say({"event": "accepted", "listener": self.number, **connection.describe()})
        except OSError:
            # Reset before it could be looked at: it counts as seen, and has no peer's name.
            connection = None
            sock.close()
        return connection

    def accept(self, timeout):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            try:
                connection = self._accepted.get(timeout=0.05) if self._by_itself else self._take()
            except (queue.Empty, socket.timeout):
                continue
            if connection:
                return connection
        raise PeerError("ETIMEDOUT", f"No connection came within {timeout} s")

    def close(self):
        self.sock.close()
        for sock in self.fillers:
            sock.close()


class Peer:
    def __init__(self):
        self._lock = threading.RLock()
        self._numbers = iter(range(1, 1 << 62))
        self.connections, self.listeners, self.loops = {}, {}, {}

    def say(self, message):
        with self._lock:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def adopt(self, sock):
        with self._lock:
            connection = PeerConnection(next(self._numbers), sock)
            self.connections[connection.number] = connection
            return connection

    # Opening

    def listen(self, request):
        if "path" in request:
            sock = socket.socket(socket.AF_UNIX)
            name = request["path"]
        else:
            host = request.get("host", "127.0.0.1")
            sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if ":" in host:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if request.get("dualStack") else 1)
            name = (host, request.get("port", 0))
        if request.get("receiveBuffer"):
            # Before listen: the window scale is fixed by the handshake.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, request["receiveBuffer"])
        try:
            sock.bind(name)
            sock.listen(request.get("backlog", 511))
        except OSError:
            sock.close()
            raise
        with self._lock:
            listener = PeerListener(self, next(self._numbers), sock, request.get("autoAccept", True))
            self.listeners[listener.number] = listener
        return {"listener": listener.number, "address": plain_address(sock, sock.getsockname())}

    def listen_full(self, request):
        """A listener nobody accepts on whose queue is full: one more connect hangs in SYN_SENT."""
        result = self.listen({**request, "backlog": 0, "autoAccept": False})
        listener = self.listeners[result["listener"]]
        for _ in range(16):
            sock = socket.socket(listener.sock.family)
            sock.settimeout(0.3)
            try:
                sock.connect(listener.sock.getsockname())
                listener.fillers.append(sock)
            except socket.timeout:
                sock.close()
                return {**result, "queued": len(listener.fillers)}
        raise PeerError("EIO", "The queue did not fill")

    def connect(self, request):
        if "path" in request:
            sock = socket.socket(socket.AF_UNIX)
            name = request["path"]
        else:
            name = (request.get("host", "127.0.0.1"), request["port"])
            sock = socket.socket(socket.AF_INET6 if ":" in name[0] else socket.AF_INET)
            if request.get("localPort") is not None or request.get("localHost"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((request.get("localHost", "::1" if ":" in name[0] else "127.0.0.1"), request.get("localPort", 0)))
        if request.get("receiveBuffer"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, request["receiveBuffer"])
        if request.get("sendBuffer"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, request["sendBuffer"])
        sock.settimeout(request.get("timeout", 10))
        try:
            sock.connect(name)
        except OSError:
            sock.close()
            raise
        return self.adopt(sock).describe()

    def free_port(self, request):
        """A port nobody has, outside the ephemeral range, so that no client can meet it by chance."""
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as limits:
            low, high = map(int, limits.read().split())
        outside = [*range(10_000, low), *range(high + 1, 65_536)] or list(range(10_000, 65_536))
        host = request.get("host", "127.0.0.1")
        for _ in range(200):
            port = random.choice(outside)
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
                try:
                    sock.bind((host, port))
                    return {"port": port}
                except OSError:
                    continue
        raise PeerError("EADDRINUSE", "No port is free")

    # Listeners

    def accept(self, request):
        return self.listeners[request["listener"]].accept(request.get("timeout", 10)).describe()

    def accepted(self, request):
        return {"count": self.listeners[request["listener"]].count}

    def close_listener(self, request):
        listener = self.listeners.pop(request["listener"])
        listener.close()
        return {"count": listener.count}

    # Reconnecting

    def reconnect(self, request):
        with self._lock:
            number = next(self._numbers)
            self.loops[number] = ReconnectLoop(request)
        return {"loop": number}

    def reconnect_status(self, request):
        return self.loops[request["loop"]].status()

    def reconnect_stop(self, request):
        return self.loops.pop(request["loop"]).stop()

    def everything(self, _request):
        """Counts over all that this peer ever had."""
        return {
            "accepted": sum(listener.count for listener in self.listeners.values()),
            "connections": [{"conn": c.number, **c.status()} for c in list(self.connections.values())],
        }

    def clear(self, _request):
        """Ends all that is open, so that one peer serves many tests."""
        for loop in list(self.loops):
            self.reconnect_stop({"loop": loop})
        for listener in list(self.listeners):
            self.close_listener({"listener": listener})
        for connection in self.connections.values():
            if not connection.closed:
                connection.close()
        self.connections.clear()
        return {}

    def cancel(self, request):
        self.connections[request["conn"]].cancel()
        return {}


PEER = Peer()
OPS = {
    "listen": PEER.listen, "listenFull": PEER.listen_full, "connect": PEER.connect, "freePort": PEER.free_port,
    "accept": PEER.accept, "accepted": PEER.accepted, "closeListener": PEER.close_listener,
    "reconnect": PEER.reconnect, "reconnectStatus": PEER.reconnect_status, "reconnectStop": PEER.reconnect_stop,
    "everything": PEER.everything, "cancel": PEER.cancel, "clear": PEER.clear,
}
CONNECTION_OPS = {
    "send": PeerConnection.send, "receive": PeerConnection.receive, "exchange": PeerConnection.exchange,
    "waitForEnd": PeerConnection.wait_for_end, "shutdown": PeerConnection.shutdown, "close": PeerConnection.close,
    "reset": PeerConnection.reset, "status": PeerConnection.status,
    "secure": PeerConnection.secure, "sendRaw": PeerConnection.send_raw, "closeNotify": PeerConnection.close_notify, "seen": PeerConnection.seen,
}


def answer(request):
    op = request.get("op")
    try:
        if op in CONNECTION_OPS:
            return {"ok": True, **CONNECTION_OPS[op](PEER.connections[request["conn"]], request)}
        return {"ok": True, **OPS[op](request)}
    except PeerError as error:
        return {"ok": False, "code": error.code, "message": str(error)}
    except socket.timeout:
        return {"ok": False, "code": "ETIMEDOUT", "message": f"Cannot {op}: timed out"}
    except KeyError as error:
        return {"ok": False, "code": "EINVAL", "message": f"Cannot {op}: unknown {error}"}
    except OSError as error:
        return {"ok": False, "code": errno_name(error), "message": f"Cannot {op}: {error}"}
    except Exception as error:  # an answer that never comes says less
        return {"ok": False, "code": "EIO", "message": f"Cannot {op}: {error!r}"}


def main():
    for line in sys.stdin:
        if not line.strip():
            continue
        request = json.loads(line)
        threading.Thread(
            target=lambda request=request: PEER.say({"id": request["id"], **answer(request)}), daemon=True
        ).start()
    # The parent is gone or is done with us: nothing here is worth a graceful end.
    os._exit(0)


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)
