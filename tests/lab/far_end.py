"""The far end of the lab: sockets of the peer's host, by JSON lines.

    {"id": 1, "op": "listen"} -> {"id": 1, "ok": true, "port": 40000}

Every command runs in a thread of its own, so that one that waits holds back
nothing. Byte number i of what is sent is i % 251, counted per connection. It
ends when its standard input does.
"""

import json
import os
import socket
import struct
import sys
import threading
import time

_saying = threading.Lock()


def say(message):
    with _saying:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def pattern(start, count):
    shift = start % 251
    whole = bytes(range(251)) * (count // 251 + 2)
    return whole[shift : shift + count]


def secured(sock, options):
    """The same after the handshake: a server with `cert` and `key`, or a client with `caCerts` and `serverName`."""
    import ssl  # most cases do without, and it takes its time

    if "serverName" in options:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata="\n".join(options["caCerts"]))
        return context.wrap_socket(sock, server_hostname=options["serverName"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with os.fdopen(os.memfd_create("identity"), "w") as file:  # it takes files alone
        file.write(options["key"] + options["cert"])
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context.wrap_socket(sock, server_side=True)


class FarEnd:
    """Numbers connections from 1, in the order they are made."""

    def __init__(self):
        self._connections = {}
        self._sent = {}
        self._received = {}
        self._listener = None
        self._lock = threading.Lock()

    def listen(self, port=0, backlog=4096, receive_buffer=None):
        """receive_buffer: SO_RCVBUF that accepted sockets inherit, in bytes."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("0.0.0.0", port))
        self._listener.listen(backlog)
        return {"port": self._listener.getsockname()[1]}

    def accept(self, tls=None):
        sock = self._listener.accept()[0]
        return self._adopt(secured(sock, tls) if tls else sock)

    def accept_all(self, count):
        for _ in range(count):
            self.accept()
        return {"connections": len(self._connections)}

    def send_all(self, bytes, seconds):
        """Sends so many bytes on every connection, one after the other within so many seconds."""
        begun, numbers = time.monotonic(), list(self._connections)
        for place, number in enumerate(numbers):
            self.send(bytes, number)
            early = begun + seconds * place / len(numbers) - time.monotonic()
            if early > 0.01:
                time.sleep(early)
        return {}

    def connect(self, host, port, receive_buffer=None, tls=None):
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(10)
        sock.connect((host, port))
        if tls:
            sock = secured(sock, tls)
        sock.settimeout(None)
        return self._adopt(sock)

    def _adopt(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            number = len(self._connections) + 1
            self._connections[number] = sock
            self._sent[number] = self._received[number] = 0
        return {"connection": number, "port": sock.getsockname()[1], "peerPort": sock.getpeername()[1]}

    def send(self, bytes, connection=1):
        """Sends so many bytes of the pattern; answers when the kernel has them."""
        start = self._sent[connection]
        self._sent[connection] += bytes
        self._connections[connection].sendall(pattern(start, bytes))
        return {"sent": self._sent[connection]}

    def receive(self, bytes=None, connection=1):
        """Receives so many bytes, or all until the FIN; checks them against the pattern."""
        right, count, ended = True, 0, False
        while bytes is None or count < bytes:
            data = self._connections[connection].recv(65536 if bytes is None else min(65536, bytes - count))
            if not data:
                ended = True
                break
            right = right and data == pattern(self._received[connection], len(data))
            self._received[connection] += len(data)
            count += len(data)
        return {"bytes": count, "right": right, "ended": ended}

    def fin(self, connection=1):
        self._connections[connection].shutdown(socket.SHUT_WR)
        return {}

    def close(self, connection=1):
        self._connections[connection].close()
        return {}

    def reset(self, connection=1):
        sock = self._connections[connection]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        return {}


def answer(far_end, request):
    number, op = request.pop("id"), request.pop("op")
    try:
        say({"id": number, "ok": True, **getattr(far_end, op)(**request)})
    except Exception as error:  # told to who asked, whatever it is
        say({"id": number, "ok": False, "message": f"{op}: {type(error).__name__}: {error}"})


def main():
    far_end = FarEnd()
    say({"event": "ready"})
    for line in sys.stdin:
        threading.Thread(target=answer, args=(far_end, json.loads(line)), daemon=True).start()
    os._exit(0)  # threads may wait on sockets for ever


main()
