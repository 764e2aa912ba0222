"""The far end of the benchmark: plain blocking sockets, a port for each thing it does.

Prints its ports as one line of JSON and ends when its standard input does.
"""

import json
import os
import resource
import select
import socket
import struct
import sys
import threading

BLOCK = 1 << 20
RESET = struct.pack("ii", 1, 0)  # SO_LINGER {1, 0}: no TIME_WAIT is left at either end


def source(sock):
    """Sends for ever, once it was told to begin."""
    sock.recv(1)
    block = bytes(BLOCK)
    while True:
        sock.sendall(block)


def sink(sock):
    """Takes as many bytes as the first eight say, and answers with one."""
    (left,) = struct.unpack(">Q", sock.recv(8, socket.MSG_WAITALL))
    block = bytearray(BLOCK)
    while left > 0:
        count = sock.recv_into(block, min(BLOCK, left))
        if count == 0:
            return
        left -= count
    sock.sendall(b"!")
    sock.recv(1)


def echo(sock):
    block = bytearray(1 << 16)
    while True:
        count = sock.recv_into(block)
        if count == 0:
            return
        sock.sendall(memoryview(block)[:count])


def serve(listener, work):
    def handle(sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            work(sock)
        except OSError:
            pass
        finally:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()

    while True:
        sock, _ = listener.accept()
        threading.Thread(target=handle, args=(sock,), daemon=True).start()


def serve_idle(listener):
    """Holds connections that say nothing, thousands of them, until they end."""
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    held = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == listener.fileno():
                sock, _ = listener.accept()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                held[sock.fileno()] = sock
                epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLRDHUP)
            else:
                epoll.unregister(fd)
                held.pop(fd).close()


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ports = {}
    for name, target in (("source", source), ("sink", sink), ("echo", echo), ("idle", None)):
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        ports[name] = listener.getsockname()[1]
        thread = threading.Thread(
            target=serve_idle if target is None else serve,
            args=(listener,) if target is None else (listener, target),
            daemon=True,
        )
        thread.start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
