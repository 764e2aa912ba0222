/**
 * The requirements of the standard `connect` on sockets with TLS, by the ids
 * of the checklist. A body uses its parameter only: it runs in workerd too.
 *
 * @module
 */
import type { SocketRow } from "./sockets_rows.ts";

/** A requirement with what its far end is. */
export interface TlsRow extends SocketRow {
  /** TLS at once, or when the case asks for it. */
  secure: boolean;
  /** Protocols of the far end. */
  alpn?: string[];
}

/** TLS from the start. */
const secure: TlsRow[] = [
  {
    name: "C9 opened waits for the handshake",
    secure: true,
    async run(t) {
      const socket = t.connect({ secureTransport: "on" });
      await t.pending(socket.opened, "opened");
      t.equal(socket.secureTransport, "on", "secureTransport");
      await t.accept();
      await t.value(socket.opened, "opened");
      await socket.close();
    },
  },
  {
    name: "C9 a server that does not speak TLS is waited for no longer than timeout",
    secure: false,
    oursOnly: "timeout",
    async run(t) {
      const socket = t.connect({ secureTransport: "on", timeout: 300 });
      await t.accept();
      t.socketError(await t.error(socket.opened, "opened"), "ETIMEDOUT", "its error");
    },
  },
  {
    name: "L1 bytes go both ways, and the end does",
    secure: true,
    async run(t) {
      const socket = t.connect({ secureTransport: "on" });
      await t.accept();
      await t.value(socket.opened, "opened");
      const writer = socket.writable.getWriter();
      const all = t.bytes(700_000);
      const receiving = t.far("receive", { bytes: all.length });
      await t.value(writer.write(all), "the write");
      const came = await receiving;
      t.equal([came.bytes, came.sum], [all.length, t.sum(all)], "what came");
      await t.far("write", "back");
      const reader = socket.readable.getReader();
      t.equal(await t.readText(reader, 4), "back", "what was read");
      await t.value(socket.close(), "close()");
      t.equal((await t.far("receive")).end, "eof", "the end at the peer");
    },
  },
  {
    name: "L1 a certificate that nobody vouches for is refused",
    secure: true,
    oursOnly: "caCerts",
    async run(t) {
      const socket = t.raw(`127.0.0.1:${t.port}`, { secureTransport: "on" });
      const writing = t.error(socket.writable.getWriter().write("secret"), "a write");
      t.far("accept").catch(() => {});
      const error = await t.error(socket.opened, "opened");
      t.socketError(error, "CERT_UNTRUSTED", "its error");
      t.ok(await t.error(socket.closed, "closed") === error, "closed has another error");
      t.ok(await writing === error, "the write has another error");
    },
  },
  {
    name: "L2 sni is the name that is sent and verified",
    secure: true,
    async run(t) {
      const socket = t.connect({ secureTransport: "on", sni: "localhost" });
      const [{ sni }] = await Promise.all([t.accept(), t.value(socket.opened, "opened")]);
      t.equal(sni, "localhost", "the name at the peer");
      await socket.close();
    },
  },
  {
    name: "L2 a certificate for another name is refused",
    secure: true,
    async run(t) {
      const socket = t.connect({ secureTransport: "on", sni: "elsewhere.example" });
      t.far("accept").catch(() => {});
      t.socketError(await t.error(socket.opened, "opened"), "ERR_TLS_CERT_ALTNAME_INVALID", "its error");
    },
  },
  {
    name: "L2 sni without TLS is refused",
    secure: false,
    run(t) {
      const error = t.thrown(() => t.raw(`127.0.0.1:${t.port}`, { sni: "localhost" }), "sni");
      t.socketError(error, "EINVAL", "the error");
      return Promise.resolve();
    },
  },
  {
    name: "L3 alpn is offered, and what was chosen is told",
    secure: true,
    alpn: ["second", "third"],
    async run(t) {
      const socket = t.connect({ secureTransport: "on", alpn: ["first", "second"] });
      const [{ alpn }, info] = await Promise.all([t.accept(), t.value(socket.opened, "opened")]);
      t.equal([alpn, info.alpn], ["second", "second"], "the protocol at the peer and here");
      await socket.close();
    },
  },
  {
    name: "L3 alpn without TLS is refused",
    secure: false,
    run(t) {
      const error = t.thrown(() => t.raw(`127.0.0.1:${t.port}`, { alpn: ["first"] }), "alpn");
      t.socketError(error, "EINVAL", "the error");
      return Promise.resolve();
    },
  },
  {
    name: "T1 startTls of a TLS socket throws",
    secure: true,
    async run(t) {
      const socket = t.connect({ secureTransport: "on" });
      await Promise.all([t.accept(), t.value(socket.opened, "opened")]);
      t.socketError(t.thrown(() => socket.startTls(), "startTls()"), "ENOTSUP", "its error");
      await socket.close();
    },
  },
  {
    name: "T2 startTls of a socket opened without it throws",
    secure: false,
    async run(t) {
      const socket = t.connect();
      await t.value(socket.opened, "opened");
      t.socketError(t.thrown(() => socket.startTls(), "startTls()"), "ENOTSUP", "its error");
      await socket.close();
    },
  },
];

/** TLS later. */
const upgrades: TlsRow[] = [
  {
    name: "L1 starttls is plain until startTls(), and TLS behind it",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await t.accept();
      const writer = plain.writable.getWriter();
      await t.value(writer.write("start"), "the plain write");
      t.equal(await t.far("text", 5), "start", "what came");
      await t.far("write", "go");
      const reader = plain.readable.getReader();
      t.equal(await t.readText(reader, 2), "go", "what was read");
      writer.releaseLock();
      reader.releaseLock();
      const socket = plain.startTls();
      await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      await t.value(socket.writable.getWriter().write("secret"), "the write");
      t.equal(await t.far("text", 6), "secret", "what came by TLS");
      await t.far("write", "answer");
      t.equal(await t.readText(socket.readable.getReader(), 6), "answer", "what was read by TLS");
      await t.outcome(socket.close());
    },
  },
  {
    name: "T3 upgraded is true at once",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      t.equal(plain.upgraded, false, "upgraded before");
      const socket = plain.startTls();
      t.equal(plain.upgraded, true, "upgraded at once");
      await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      await t.outcome(socket.close());
    },
  },
  {
    name: "T3 upgraded is true when closed resolves; T4 it does, not at once, and the connection lives",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const socket = plain.startTls();
      const first = await Promise.race([plain.closed.then(() => "closed"), Promise.resolve("not yet")]);
      t.equal(first, "not yet", "closed right after the call");
      const upgraded = plain.closed.then(() => plain.upgraded);
      const server = t.far("startTls");
      t.equal(await t.value(upgraded, "closed"), true, "upgraded when closed resolves");
      await Promise.all([server, t.value(socket.opened, "opened")]);
      await t.value(socket.writable.getWriter().write("alive"), "the write");
      t.equal(await t.far("text", 5), "alive", "what came");
      await t.outcome(socket.close());
    },
  },
  {
    name: "T5 it returns another socket, with promises of its own",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const socket = plain.startTls();
      const names = ["readable", "writable", "opened", "closed"] as const;
      t.ok(names.every((name) => socket[name] !== plain[name]), "one of them is the same");
      t.equal(socket.upgraded, false, "upgraded");
      await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      await t.outcome(socket.close());
    },
  },
  {
    name: "T6 the old reader and writer stop",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const [reader, writer] = [plain.readable.getReader(), plain.writable.getWriter()];
      const socket = plain.startTls();
      await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      const read = await t.outcome(reader.read());
      t.ok(!read.pending && (!read.ok || read.value.done), "the old reader reads on");
      await t.error(writer.write("late"), "a write by the old writer");
      await t.outcome(socket.close());
    },
  },
  {
    name: "T6 a read that waits is settled, and TLS goes on",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const reading = plain.readable.getReader().read();
      reading.catch(() => {});
      await t.sleep(50);
      const socket = plain.startTls();
      if (!t.withdraws) {
        t.socketError(await t.error(socket.opened, "opened"), "EBUSY", "its error");
        await t.value(plain.closed, "closed of the old socket");
        t.equal((await t.far("receive")).bytes, 0, "the bytes that came");
        return;
      }
      await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      const read = await t.outcome(reading);
      t.ok(!read.pending && (!read.ok || read.value.done), "the read has something of what came later");
      await t.far("write", "answer");
      t.equal(await t.readText(socket.readable.getReader(), 6), "answer", "what was read by TLS");
      await t.outcome(socket.close());
    },
  },
  {
    name: "T7 a second startTls() throws",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const socket = plain.startTls();
      t.socketError(t.thrown(() => plain.startTls(), "the second"), "ENOTSUP", "its error");
      await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      await t.outcome(socket.close());
    },
  },
  {
    name: "T8 startTls() before it is open",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      const socket = plain.startTls();
      await t.accept();
      await Promise.all([t.far("startTls"), t.value(socket.opened, "opened of the new socket")]);
      await t.value(plain.opened, "opened of the old socket");
      await t.value(plain.closed, "closed of the old socket");
      await t.outcome(socket.close());
    },
  },
  {
    name: "T8 of what cannot be opened",
    secure: false,
    async run(t) {
      const plain = t.raw(`127.0.0.1:${await t.far("freePort")}`, { secureTransport: "starttls" });
      const socket = plain.startTls();
      await Promise.all([
        t.error(socket.opened, "opened of the new socket"),
        t.error(plain.opened, "opened"),
      ]);
      await t.error(socket.closed, "closed of the new socket");
    },
  },
  {
    name: "T9 what was written before is sent before",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const all = t.bytes(400_000);
      const writer = plain.writable.getWriter();
      for (let at = 0; at < all.length; at += 40_000) {
        writer.write(all.slice(at, at + 40_000)).catch(() => {});
      }
      writer.releaseLock();
      const socket = plain.startTls();
      const came = await t.far("receive", { bytes: all.length });
      t.equal([came.bytes, came.sum], [all.length, t.sum(all)], "what came");
      await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      await t.outcome(socket.close());
    },
  },
  {
    name: "T10 startTls() right after close() throws",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      plain.close();
      t.socketError(t.thrown(() => plain.startTls(), "startTls()"), "ENOTCONN", "its error");
    },
  },
  {
    name: "T10 startTls() of a closed socket throws a SocketError",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      await t.value(plain.close(), "close()");
      t.socketError(t.thrown(() => plain.startTls(), "startTls()"), "ENOTCONN", "its error");
    },
  },
  {
    name: "T11 a name by sni, among options of others",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const socket = plain.startTls({ sni: "localhost", rejectUnauthorized: false, ca: "any" });
      const [{ sni }] = await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      t.equal(sni, "localhost", "the name at the peer");
      await t.outcome(socket.close());
    },
  },
  {
    name: "T11 a name by servername",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const socket = plain.startTls({ servername: "localhost" });
      const [{ sni }] = await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      t.equal(sni, "localhost", "the name at the peer");
      await t.outcome(socket.close());
    },
  },
  {
    name: "T11 a name by expectedServerHostname",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const socket = plain.startTls({ expectedServerHostname: "localhost" });
      const [{ sni }] = await Promise.all([t.far("startTls"), t.value(socket.opened, "opened")]);
      t.equal(sni, "localhost", "the name at the peer");
      await t.outcome(socket.close());
    },
  },
  {
    name: "T11 another name is refused, and no byte goes out",
    secure: false,
    async run(t) {
      const plain = t.connect({ secureTransport: "starttls" });
      await Promise.all([t.accept(), t.value(plain.opened, "opened")]);
      const socket = plain.startTls({ sni: "elsewhere.example" });
      const writing = t.error(socket.writable.getWriter().write("secret"), "a write");
      t.far("startTls").catch(() => {});
      const error = await t.error(socket.opened, "opened");
      t.socketError(error, "ERR_TLS_CERT_ALTNAME_INVALID", "its error");
      t.ok(
        await writing === error && await t.error(socket.closed, "closed") === error,
        "there are several errors",
      );
    },
  },
];

export const TLS_ROWS: readonly TlsRow[] = [...secure, ...upgrades];
