"""The far end of the benchmark: plain blocking sockets, a port for each thing it does.

Is told its certificate and key, as one line of JSON; prints its ports as another, and ends when its standard input does.
"""

import json
import os
import resource
import select
import socket
import ssl
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
    header = b""
    while len(header) < 8:
        part = sock.recv(8 - len(header))
        if not part:
            return
        header += part
    (left,) = struct.unpack(">Q", header)
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


def context_of(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with os.fdopen(os.memfd_create("identity"), "w") as file:  # it takes files alone
        file.write(key + cert)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context


def serve(listener, work, context=None):
    def handle(sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context:
                sock = context.wrap_socket(sock, server_side=True)
            work(sock)
        except OSError:
            pass
        finally:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()

    while True:
        sock, _ = listener.accept()
        threading.Thread(target=handle, args=(sock,), daemon=True).start()


def serve_idle(listener, greeting=b""):
    """Holds connections that say nothing after a greeting, thousands of them, until they end."""
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    held = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == listener.fileno():
                sock, _ = listener.accept()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                try:
                    sock.sendall(greeting)
                except OSError:  # it was reset before it was accepted
                    sock.close()
                    continue
                held[sock.fileno()] = sock
                epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLRDHUP)
            else:
                epoll.unregister(fd)
                held.pop(fd).close()


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context = context_of(**json.loads(sys.stdin.readline()))
    ports = {}
    works = {"source": (serve, source), "sink": (serve, sink), "echo": (serve, echo)}
    works |= {f"tls {name}": (serve, work, context) for name, (_, work) in works.items()}
    works |= {"idle": (serve_idle, b""), "greeting": (serve_idle, b"!")}
    for name, (target, *work) in works.items():
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        ports[name] = listener.getsockname()[1]
        thread = threading.Thread(target=target, args=(listener, *work), daemon=True)
        thread.start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
