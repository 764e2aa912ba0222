"""Clients that reconnect in a tight loop, from before the listener exists."""

import socket
import struct
import threading
import time


class ReconnectLoop:
    """`clients` threads connect as fast as they can until `max` connections or `seconds` are reached.

    Each connection stays open until told, or with `dropAfter` is dropped when
    so many newer ones of its client are open.
    """

    def __init__(self, request):
        self._target = (request.get("host", "127.0.0.1"), request["port"])
        self._max = request.get("max", 400)
        self._until = time.monotonic() + min(request.get("seconds", 20), 120)
        self._drop_after = request.get("dropAfter")
        self._reset = request.get("reset", False)
        self._data = b"x" * request.get("send", 0)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._open = []
        self.connects = self.refused = self.other = 0
        self._threads = [
            threading.Thread(target=self._run, daemon=True) for _ in range(request.get("clients", 2))
        ]
        for thread in self._threads:
            thread.start()

    def _run(self):
        mine = []
        while not self._stopped.is_set() and time.monotonic() < self._until:
            with self._lock:
                if self.connects >= self._max:
                    return
            sock = self._connect()
            if sock is None:
                continue
            mine.append(sock)
            with self._lock:
                self.connects += 1
                self._open.append(sock)
            if self._drop_after is not None and len(mine) > self._drop_after:
                self._drop(mine.pop(0))

    def _connect(self):
        sock = socket.socket(socket.AF_INET6 if ":" in self._target[0] else socket.AF_INET)
        sock.settimeout(1)
        try:
            sock.connect(self._target)
            # A port of the ephemeral range that nobody listens on can meet itself.
            if sock.getsockname() == sock.getpeername():
                raise ConnectionRefusedError
            if self._data:
                sock.sendall(self._data)
            return sock
        except ConnectionRefusedError:
            self.refused += 1
        except OSError:
            self.other += 1
        sock.close()
        return None

    def _drop(self, sock):
        with self._lock:
            self._open.remove(sock)
        if self._reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def status(self):
        with self._lock:
            return {
                "connects": self.connects, "refused": self.refused, "failed": self.other,
                "open": len(self._open), "running": any(thread.is_alive() for thread in self._threads),
            }

    def stop(self):
        """No more connects, and every connection is closed."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(3)
        found = self.status()
        for sock in self._open:
            sock.close()
        self._open = []
        return found
