"""TLS of the scripted peer: what a plain socket has become, with the same calls.

Python's `ssl` over memory, so that what is on the wire is seen and can be cut
anywhere: each record that came, and its own end with `close_notify` or without.
"""

import os
import select
import socket
import ssl
import tempfile
import threading
import time

ROOM = 65_536
RECORD = 16_384
VERSIONS = {"TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1,
            "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class NamedError(OSError):
    """An end that has no number of the kernel's."""

    def __init__(self, name, message=""):
        super().__init__(message or name)
        self.name = name


def context_of(request):
    """`server`, `cert`, `key`, `caCerts`, `requestCert`, `alpnProtocols`, `minimum`, `maximum` of a request."""
    server = request.get("server", True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if request.get("requestCert") or not server else ssl.CERT_NONE
    if request.get("trusting"):
        context.verify_mode = ssl.CERT_NONE
    if "maximum" in request:
        # OpenSSL 3 has the signatures of TLS 1.1 at level 0 only.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = VERSIONS[request["maximum"]]
    if "minimum" in request:
        context.minimum_version = VERSIONS[request["minimum"]]
    if "cert" in request:
        load_identity(context, request["cert"], request["key"])
    if "caCerts" in request:
        context.load_verify_locations(cadata="\n".join(request["caCerts"]))
    if "alpnProtocols" in request:
        # Its public method takes ASCII alone; RFC 7301 has bytes.
        names = [name.encode() for name in request["alpnProtocols"]]
        context._set_alpn_protocols(b"".join(bytes([len(name)]) + name for name in names))
    return context


def load_identity(context, cert, key):
    """`ssl` takes files alone."""
    descriptor, path = tempfile.mkstemp(prefix="keepwire-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key + cert)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)


class TlsSocket:
    """Has the calls of a non-blocking socket that `PeerConnection` uses."""

    def __init__(self, sock, request):
        self.raw = sock
        self.family = sock.family
        self._lock = threading.RLock()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._unsent = b""
        self._fin_due = False
        self._stirred = threading.Event()
        self._closed = False
        self._eof = False
        self._early = b""
        self._records = Records()
        self.server_name = None
        context = context_of(request)
        server = request.get("server", True)
        if server:
            context.sni_callback = self._name_told
        name = request.get("serverName")
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server,
                                     server_hostname=None if server else name)
        threading.Thread(target=self._push, daemon=True).start()

    def _name_told(self, _tls, name, _context):
        self.server_name = name

    def handshake(self, timeout):
        """What was agreed on; `error` is OpenSSL's word for why not."""
        until = time.monotonic() + timeout
        error = None
        while time.monotonic() < until:
            try:
                with self._lock:
                    self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                try:
                    self._fill(0.05)
                except OSError as failure:
                    error = type(failure).__name__
                    break
                if self._eof and self._incoming.pending == 0:
                    error = "EOF"
                    break
            except ssl.SSLError as failure:
                error = failure.reason or failure.strerror or "SSLError"
                break
        else:
            error = "timeout"
        self._flush()
        return {"error": error, "serverName": self.server_name, **self._agreed(error)}

    def _agreed(self, error):
        if error:
            return {}
        certificate = self._tls.getpeercert(binary_form=False) or {}
        subject = [value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"]
        return {
            "version": self._tls.version(),
            "alpnProtocol": self._tls.selected_alpn_protocol(),
            "peer": subject[0] if subject else None,
        }

    def records(self):
        """Of each record that came its type: `handshake`, `alert`, `data` (in TLS 1.3 all that is encrypted), ..."""
        return self._records.names()

    def first_bytes(self):
        return self._records.first

    # What a plain socket has

    def send(self, data):
        with self._lock:
            if self._outgoing.pending + len(self._unsent) > ROOM:
                self._flush()
                if self._outgoing.pending + len(self._unsent) > ROOM:
                    raise BlockingIOError
            try:
                count = self._tls.write(bytes(data[:RECORD]))
            except ssl.SSLWantReadError:
                raise BlockingIOError from None
            except ssl.SSLError as failure:
                raise NamedError(failure.reason or "SSL") from failure
            self._flush()
            return count

    def recv(self, size):
        for _ in range(2):
            with self._lock:
                if self._early:
                    data, self._early = self._early[:size], self._early[size:]
                    return data
                try:
                    return self._tls.read(size)
                except ssl.SSLZeroReturnError:
                    return b""
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLEOFError:
                    raise NamedError("no close_notify") from None
                except ssl.SSLError as failure:
                    raise NamedError(failure.reason or "SSL") from failure
            self._flush()
            self._fill(0)
        raise BlockingIOError

    def wait(self, events, milliseconds):
        """Whether it is worth trying."""
        if events & select.POLLOUT:
            with self._lock:
                self._flush()
                if self._outgoing.pending + len(self._unsent) <= ROOM:
                    return True
        elif self._early or self._tls.pending() or self._incoming.pending or self._eof:
            return True
        poller = select.poll()
        poller.register(self.raw, events)
        return bool(poller.poll(milliseconds))

    def shutdown(self, _how):
        """`close_notify`, and a FIN behind it."""
        with self._lock:
            self.close_notify()
            self._fin_due = True
        self._stirred.set()

    def close_notify(self):
        with self._lock:
            try:
                # Python goes on to look for the other's, and stumbles over bytes.
                while data := self._tls.read(ROOM):
                    self._early += data
            except ssl.SSLError:
                pass
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # it waits for the other's, which is not ours to do
            self._flush()

    def send_raw(self, data):
        """On the wire as it is."""
        with self._lock:
            self._flush()
            self._unsent += data
            self._flush()

    def shutdown_bare(self):
        """A FIN behind what was sent, without `close_notify`."""
        self._fin_due = True
        self._stirred.set()

    def close(self):
        self._closed = True
        self._stirred.set()
        self.raw.close()

    def fileno(self):
        return self.raw.fileno()

    def getsockopt(self, *arguments):
        return self.raw.getsockopt(*arguments)

    def setsockopt(self, *arguments):
        return self.raw.setsockopt(*arguments)

    # The wire

    def _fill(self, seconds):
        """Takes what has come, if anything comes within `seconds`."""
        if self._eof:
            return
        if seconds:
            poller = select.poll()
            poller.register(self.raw, select.POLLIN)
            if not poller.poll(seconds * 1000):
                return
        with self._lock:
            try:
                data = self.raw.recv(262_144)
            except BlockingIOError:
                return
            self._records.take(data)
            if data:
                self._incoming.write(data)
            else:
                self._eof = True
                self._incoming.write_eof()

    def _flush(self):
        with self._lock:
            while self._unsent or self._outgoing.pending:
                if not self._unsent:
                    self._unsent = self._outgoing.read()
                try:
                    count = self.raw.send(self._unsent)
                except BlockingIOError:
                    self._stirred.set()
                    return
                except OSError:
                    return  # reading tells
                self._unsent = self._unsent[count:]
            if self._fin_due:
                self._fin_due = False
                try:
                    self.raw.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # it is gone

    def _push(self):
        """Sends what did not fit, so that nobody has to come back for it."""
        while not self._closed:
            self._stirred.wait()
            self._stirred.clear()
            try:
                poller = select.poll()
                poller.register(self.raw, select.POLLOUT)
                while not self._closed and (self._unsent or self._outgoing.pending or self._fin_due):
                    if poller.poll(50):
                        self._flush()
            except (OSError, ValueError):
                return


class Records:
    """Follows the headers of records (RFC 8446, section 5.1)."""

    NAMES = {20: "change", 21: "alert", 22: "handshake", 23: "data"}

    def __init__(self):
        self._header = b""
        self._left = 0
        self._found = []
        self.first = b""

    def take(self, data):
        if len(self.first) < 4_096:
            self.first += data[:4_096]
        while data:
            if self._left:
                skipped = min(self._left, len(data))
                self._left -= skipped
                data = data[skipped:]
                continue
            missing = 5 - len(self._header)
            self._header += data[:missing]
            data = data[missing:]
            if len(self._header) == 5:
                self._left = int.from_bytes(self._header[3:5], "big")
                if len(self._found) < 32:
                    self._found.append(self._header[0])
                self._header = b""

    def names(self):
        return [self.NAMES.get(number, str(number)) for number in self._found]
