"""A server for cases of TLS and STARTTLS: one connection a listener, Python's own ssl. Asked by JSON lines."""

import json
import os
import shutil
import socket
import ssl
import struct
import sys
import tempfile
import threading
import zlib

LIMIT = 5


def text_of(address):
    return f"{address[0]}:{address[1]}"


class FarEnd:
    """A listener and its connection, plain or not."""

    def __init__(self, folder, secure, alpn):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
        if alpn:
            self.context.set_alpn_protocols(alpn)
        self.context.sni_callback = self.note_name
        self.name = None
        self.secure = secure
        self.lock = threading.Lock()
        self.accepted = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT)
        self.port = self.listener.getsockname()[1]

    def note_name(self, _socket, name, _context):
        self.name = name

    def connection(self):
        with self.lock:
            if self.accepted is None:
                self.accepted, _ = self.listener.accept()
                self.accepted.settimeout(LIMIT)
                if self.secure:
                    self.accepted = self.context.wrap_socket(self.accepted, server_side=True)
            return self.accepted

    def ends(self):
        sock = self.connection()
        found = {"local": text_of(sock.getsockname()), "remote": text_of(sock.getpeername()), "sni": self.name}
        if isinstance(sock, ssl.SSLSocket):
            found["alpn"] = sock.selected_alpn_protocol()
        return found

    def start_tls(self, _request):
        self.accepted = self.context.wrap_socket(self.connection(), server_side=True)
        return self.ends()

    def accept(self, _request):
        return self.ends()

    def write(self, request):
        self.connection().sendall(request["arg"].encode())

    def text(self, request):
        found = b""
        while len(found) < request["arg"]:
            part = self.connection().recv(request["arg"] - len(found))
            if not part:
                break
            found += part
        return found.decode()

    def receive(self, request):
        limit = (request.get("arg") or {}).get("bytes")
        count, total, end = 0, 1, "done"
        while limit is None or count < limit:
            try:
                part = self.connection().recv(65_536 if limit is None else min(65_536, limit - count))
            except (ssl.SSLError, OSError) as error:
                end = type(error).__name__
                break
            if not part:
                end = "eof"
                break
            count += len(part)
            total = zlib.adler32(part, total)
        return {"bytes": count, "end": end, "sum": total}

    def fin(self, _request):
        sock = self.connection()
        if isinstance(sock, ssl.SSLSocket):
            sock.settimeout(0.2)
            try:
                sock.unwrap()
            except OSError:
                pass  # close_notify is sent; the other's may come later.
        with socket.socket(fileno=os.dup(sock.fileno())) as plain:
            plain.shutdown(socket.SHUT_WR)

    def reset(self, _request):
        sock = self.connection()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def close(self, _request=None):
        for sock in (self.accepted, self.listener):
            if sock is not None:
                sock.close()


FOLDER = tempfile.mkdtemp(prefix="keepwire-tls-")
FAR_ENDS = {}
SAY = threading.Lock()


def certify(request):
    """The certificate and the key that all have, as PEM."""
    for name in ("cert", "key"):
        with open(os.path.join(FOLDER, f"{name}.pem"), "w") as file:
            file.write(request[name])


def listen(request):
    made = FarEnd(FOLDER, request["secure"], request.get("alpn"))
    FAR_ENDS[made.port] = made
    return made.port


def answer(request):
    op = request["op"]
    try:
        if op in ("certify", "listen"):
            return {"ok": True, "value": globals()[op](request)}
        method = "start_tls" if op == "startTls" else op
        return {"ok": True, "value": getattr(FAR_ENDS[request["port"]], method)(request)}
    except Exception as error:  # whatever it was, the case is told
        return {"ok": False, "code": type(error).__name__, "message": f"Cannot {op}: {error}"}


def work(request):
    text = json.dumps({"id": request["id"], **answer(request)})
    with SAY:
        print(text, flush=True)


def main():
    for line in sys.stdin:
        if line.strip():
            threading.Thread(target=work, args=(json.loads(line),), daemon=True).start()
    shutil.rmtree(FOLDER, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
