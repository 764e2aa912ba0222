/**
 * The requirements of the standard `connect` (WinterTC Sockets API) on sockets
 * without TLS, by the ids of the checklist. A body uses its parameter only: it
 * runs in workerd too.
 *
 * @module
 */
import type { SocketKit } from "./sockets.ts";

/** One requirement, or a part of one. */
export interface SocketRow {
  /** Id in the checklist, and what is required. */
  name: string;
  run(t: SocketKit): Promise<void>;
  /** Not for workerd: it has no such option, or none of its own. */
  oursOnly?: string;
}

/** `connect`, and what it is given. */
const connecting: SocketRow[] = [
  {
    name: "C1 returns at once a socket that is pending, with everything in place",
    async run(t) {
      const socket = t.connect();
      t.ok(socket.readable instanceof ReadableStream, "readable is no stream");
      t.ok(socket.writable instanceof WritableStream, "writable is no stream");
      t.ok(socket.opened instanceof Promise && socket.closed instanceof Promise, "no promises");
      t.equal([socket.upgraded, socket.secureTransport], [false, "off"], "upgraded and secureTransport");
      await t.value(socket.opened, "opened");
      await socket.close();
    },
  },
  {
    name: 'C2 takes "host:port"',
    async run(t) {
      const socket = t.raw(`localhost:${t.port}`);
      await t.value(socket.opened, "opened");
      await socket.close();
    },
  },
  {
    name: "C2 takes an object",
    async run(t) {
      const socket = t.raw({ hostname: "127.0.0.1", port: t.port });
      await t.value(socket.opened, "opened");
      await socket.close();
    },
  },
  {
    name: "C2 has no default port",
    run(t) {
      t.thrown(() => t.raw("localhost"), "connect without a port");
      return Promise.resolve();
    },
  },
  {
    name: "C3 a malformed address throws a SocketError",
    run(t) {
      const wrong = [
        "",
        "localhost",
        "local host:80",
        "localhost:",
        "localhost:x",
        ":80",
        "localhost:70000",
        null,
        {},
      ];
      for (const address of wrong) {
        t.socketError(
          t.thrown(() => t.raw(address), `connect(${address})`),
          "EINVAL",
          `the error of ${address}`,
        );
      }
      return Promise.resolve();
    },
  },
  {
    name: "C3 so do port 0 and a missing hostname",
    run(t) {
      for (const address of ["localhost:0", { hostname: "localhost", port: 0 }, { port: 80 }]) {
        const what = JSON.stringify(address);
        t.socketError(t.thrown(() => t.raw(address), `connect(${what})`), "EINVAL", `the error of ${what}`);
      }
      return Promise.resolve();
    },
  },
  {
    name: "C4 the port is an unsigned short",
    run(t) {
      for (const port of [65_536, -1, 100_000]) {
        const error = t.thrown(() => t.raw({ hostname: "localhost", port }), `port ${port}`);
        t.ok(error instanceof TypeError, `the error of port ${port} is no TypeError`);
      }
      return Promise.resolve();
    },
  },
  {
    name: "C5 secureTransport is one of three",
    run(t) {
      const error = t.thrown(
        () => t.raw(`127.0.0.1:${t.port}`, { secureTransport: "maybe" }),
        "secureTransport maybe",
      );
      t.ok(error instanceof TypeError, "the error is no TypeError");
      return Promise.resolve();
    },
  },
  {
    name: "C5 the error of another secureTransport is a SocketError",
    run(t) {
      const error = t.thrown(
        () => t.raw(`127.0.0.1:${t.port}`, { secureTransport: "maybe" }),
        "secureTransport maybe",
      );
      t.socketError(error, "EINVAL", "the error");
      return Promise.resolve();
    },
  },
  {
    name: "C6 nothing that fails is an unhandled rejection",
    async run(t) {
      // Those of the whole case are looked at after it.
      t.raw(`127.0.0.1:${await t.far("freePort")}`);
      await t.sleep(300);
    },
  },
  {
    name: "C7 what is written before it is open arrives",
    async run(t) {
      const socket = t.connect();
      const writer = socket.writable.getWriter();
      const writing = writer.write(t.bytes(5));
      const reader = socket.readable.getReader();
      const reading = reader.read();
      await t.accept();
      t.equal((await t.far("receive", { bytes: 5 })).bytes, 5, "the bytes that came");
      await t.value(writing, "the write");
      await t.far("write", "back");
      t.equal(t.text((await t.value(reading, "the read")).value), "back", "what was read");
      await socket.close();
    },
  },
  {
    name: "C8 opened resolves with the ends",
    async run(t) {
      const info = await t.value(t.connect().opened, "opened");
      t.ok(typeof info.remoteAddress === "string", "remoteAddress is no string");
    },
  },
  {
    name: "C10 what cannot be opened rejects opened and closed",
    async run(t) {
      const socket = t.raw(`127.0.0.1:${await t.far("freePort")}`);
      await t.error(socket.opened, "opened");
      await t.error(socket.closed, "closed");
    },
  },
  {
    name: "C10 with the same SocketError",
    async run(t) {
      const socket = t.raw(`127.0.0.1:${await t.far("freePort")}`);
      const error = await t.error(socket.opened, "opened");
      t.socketError(error, "ECONNREFUSED", "the error of opened");
      t.ok(await t.error(socket.closed, "closed") === error, "closed has another error");
    },
  },
  {
    name: "C11 and the streams",
    async run(t) {
      const socket = t.raw(`127.0.0.1:${await t.far("freePort")}`);
      const reader = socket.readable.getReader();
      const writer = socket.writable.getWriter();
      await Promise.all([t.error(reader.read(), "the read"), t.error(writer.write(t.bytes(3)), "the write")]);
    },
  },
  {
    name: "C11 with that same error",
    async run(t) {
      const socket = t.raw(`127.0.0.1:${await t.far("freePort")}`);
      const reader = socket.readable.getReader();
      const writer = socket.writable.getWriter();
      const errors = await Promise.all([
        t.error(reader.read(), "the read"),
        t.error(writer.write(t.bytes(3)), "the write"),
        t.error(reader.closed, "closed of the reader"),
        t.error(writer.closed, "closed of the writer"),
        t.error(socket.opened, "opened"),
      ]);
      t.ok(errors.every((error) => error === errors[0]), `there are several: ${errors.map(String)}`);
    },
  },
];

/** The object itself. */
const attributes: SocketRow[] = [
  {
    name: "S1 it cannot be constructed",
    run(t) {
      t.ok(t.thrown(() => new t.Socket(), "new Socket()") instanceof TypeError, "the error is no TypeError");
      return Promise.resolve();
    },
  },
  {
    name: "S2 attributes stay what they are, and cannot be set",
    async run(t) {
      const socket = t.connect();
      const names = ["readable", "writable", "opened", "closed"] as const;
      const first = names.map((name) => socket[name]);
      for (const name of [...names, "upgraded", "secureTransport"] as const) {
        t.outcome(Promise.resolve().then(() => ((socket as unknown as Record<string, unknown>)[name] = 1)));
      }
      await t.value(socket.opened, "opened");
      t.ok(names.every((name, i) => socket[name] === first[i]), "one has changed");
      t.equal([socket.upgraded, socket.secureTransport], [false, "off"], "upgraded and secureTransport");
      await socket.close();
    },
  },
  {
    name: "S3 readable is a stream of bytes",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      const reader = socket.readable.getReader({ mode: "byob" });
      await t.far("write", "hello");
      const { value } = await t.value(reader.read(new Uint8Array(3)), "the read");
      t.equal(t.text(value), "hel", "what was read");
      t.equal(value!.buffer.byteLength, 3, "the memory given back");
      reader.releaseLock();
      const next = await t.value(socket.readable.getReader().read(), "the read by another reader");
      t.equal([t.text(next.value), next.value!.constructor === Uint8Array], ["lo", true], "the chunk");
      await socket.close();
    },
  },
  {
    name: "S4 writable takes strings, buffers and views",
    async run(t) {
      const socket = t.connect();
      const writer = socket.writable.getWriter();
      await t.accept();
      const abc = new TextEncoder().encode("-abc-");
      await writer.write("é ");
      await writer.write(abc.slice(1, 4).buffer);
      await writer.write(new DataView(abc.buffer, 1, 3));
      await writer.write(abc.subarray(1, 3));
      t.equal(await t.far("text", 11), "é abcabcab", "what came");
      await socket.close();
    },
  },
  {
    name: "S4 and nothing else",
    async run(t) {
      const socket = t.connect();
      const error = await t.error(socket.writable.getWriter().write(5), "the write of a number");
      t.ok(error instanceof TypeError, "the error is no TypeError");
      await t.outcome(socket.close());
    },
  },
  {
    name: "S5 writes keep their order",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      const all = t.bytes(3_000_000);
      const receiving = t.far("receive", { bytes: all.length });
      const writer = socket.writable.getWriter();
      for (let at = 0; at < all.length; at += 100_000) {
        writer.write(all.slice(at, at + 100_000)).catch(() => {});
      }
      const came = await receiving;
      t.equal([came.bytes, came.sum], [all.length, t.sum(all)], "what came");
      await socket.close();
    },
  },
  {
    name: "S5 a write waits while the peer takes nothing",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      const writer = socket.writable.getWriter();
      const chunk = new Uint8Array(8 * 1024 * 1024);
      const writing = writer.write(chunk);
      await t.pending(writing, "the write");
      t.equal((await t.far("receive", { bytes: chunk.length })).bytes, chunk.length, "the bytes that came");
      await t.value(writing, "the write");
      await socket.close();
    },
  },
  {
    name: "S5 room is counted in bytes",
    async run(t) {
      const socket = t.connect({ highWaterMark: 1_000 });
      const writer = socket.writable.getWriter();
      t.equal(writer.desiredSize, 1_000, "room at first");
      const writing = writer.write(t.bytes(400));
      t.equal(writer.desiredSize, 600, "room while 400 bytes wait");
      await t.value(writing, "the write");
      t.equal(writer.desiredSize, 1_000, "room at last");
      await socket.close();
    },
  },
];

/** What `opened` says. */
const openings: SocketRow[] = [
  {
    name: "O1 opened resolves once, also when it is asked for later",
    async run(t) {
      const socket = t.connect();
      const info = await t.value(socket.opened, "opened");
      await t.sleep(20);
      t.ok(await socket.opened === info, "another answer later");
      await socket.close();
    },
  },
  {
    name: "O2 remoteAddress is the peer's own",
    async run(t) {
      const socket = t.raw(`localhost:${t.port}`);
      const { remoteAddress } = await t.value(socket.opened, "opened");
      t.equal(remoteAddress, (await t.accept()).local, "remoteAddress");
      await socket.close();
    },
  },
  {
    name: "O3 localAddress is ours",
    async run(t) {
      const socket = t.connect();
      const { localAddress } = await t.value(socket.opened, "opened");
      t.equal(localAddress, (await t.accept()).remote, "localAddress");
      await socket.close();
    },
  },
  {
    name: "O4 alpn is null without TLS",
    async run(t) {
      const socket = t.connect();
      t.equal((await t.value(socket.opened, "opened")).alpn, null, "alpn");
      await socket.close();
    },
  },
];

/** When `closed` settles. */
const closings: SocketRow[] = [
  {
    name: "K1 closed resolves when close() is called",
    async run(t) {
      const socket = t.connect();
      await t.value(socket.opened, "opened");
      await t.accept();
      await t.value(socket.close(), "close()");
      await t.value(socket.closed, "closed");
      t.equal(await t.far("waitForEnd"), "fin", "the end at the peer");
    },
  },
  {
    name: "K2 closed resolves when the peer's FIN is read",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      const reader = socket.readable.getReader();
      const reading = reader.read();
      await t.far("fin");
      t.equal((await t.value(reading, "the read")).done, true, "the end");
      await t.value(socket.closed, "closed");
      t.equal((await t.far("receive")).end, "eof", "the end at the peer");
    },
  },
  {
    name: "K2 and at an RST while it is read, which the read has as an error",
    async run(t) {
      const socket = t.connect();
      await Promise.all([t.accept(), t.value(socket.opened, "opened")]);
      const reading = t.error(socket.readable.getReader().read(), "the read");
      await t.far("reset");
      await reading;
      await t.value(socket.closed, "closed");
    },
  },
  {
    name: "K3 a FIN that nobody reads does not settle it",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      await t.value(socket.opened, "opened");
      await t.far("fin");
      await t.sleep(1_300);
      await t.pending(socket.closed, "closed");
      await t.value(socket.writable.getWriter().write(t.bytes(3)), "a write");
      t.equal((await t.far("receive", { bytes: 3 })).bytes, 3, "the bytes that came");
      await t.outcome(socket.close());
    },
  },
  {
    name: "K3 an RST that nobody reads does, at once",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      await t.value(socket.opened, "opened");
      await t.far("reset");
      await t.value(socket.closed, "closed");
    },
  },
  {
    name: "K4 closed rejects with a SocketError when it cannot be opened",
    async run(t) {
      const socket = t.raw(`127.0.0.1:${await t.far("freePort")}`);
      t.socketError(await t.error(socket.closed, "closed"), "ECONNREFUSED", "its error");
    },
  },
  {
    name: "K5 cancelling readable and closing writable does not settle it",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      await t.value(socket.opened, "opened");
      await socket.readable.cancel();
      await socket.writable.close();
      await t.pending(socket.closed, "closed");
      t.equal((await t.far("receive")).end, "eof", "the end of what we send");
      await t.outcome(socket.close());
    },
  },
];

/** `close()`. */
const closes: SocketRow[] = [
  {
    name: "X1 close() returns the promise that closed is, each time",
    async run(t) {
      const socket = t.connect();
      await t.value(socket.opened, "opened");
      const { closed } = socket;
      t.ok(
        socket.close() === closed && socket.close() === closed && socket.closed === closed,
        "there are several",
      );
      await closed;
    },
  },
  {
    name: "X2 a read that waits is done, and so are later ones",
    async run(t) {
      const socket = t.connect();
      await t.value(socket.opened, "opened");
      const reader = socket.readable.getReader();
      const reading = reader.read();
      socket.close();
      t.equal((await t.value(reading, "the read")).done, true, "the read");
      await t.value(reader.closed, "closed of the reader");
      t.equal((await t.value(reader.read(), "a later read")).done, true, "a later read");
    },
  },
  {
    name: "X2 later writes fail",
    async run(t) {
      const socket = t.connect();
      await t.value(socket.opened, "opened");
      const writer = socket.writable.getWriter();
      await t.value(socket.close(), "close()");
      await t.error(writer.write(t.bytes(3)), "the write");
      await t.error(writer.closed, "closed of the writer");
    },
  },
  {
    name: "X3 with the reason given",
    async run(t) {
      const socket = t.connect();
      await t.value(socket.opened, "opened");
      const writer = socket.writable.getWriter();
      const reason = new Error("why");
      await t.value(socket.close(reason), "close()");
      t.ok(await t.error(writer.write(t.bytes(3)), "the write") === reason, "the write has another error");
      t.ok(await t.error(writer.closed, "closed of the writer") === reason, "the writer has another error");
    },
  },
  {
    name: "X4 while it is not open, opened rejects with the reason",
    async run(t) {
      const socket = t.connect();
      const reason = new Error("why");
      const closing = socket.close(reason);
      t.ok(await t.error(socket.opened, "opened") === reason, "opened has another error");
      await t.value(closing, "close()");
      t.equal((await t.value(socket.readable.getReader().read(), "a read")).done, true, "the read");
      await t.error(socket.writable.getWriter().write(t.bytes(3)), "a write");
    },
  },
  {
    name: "X5 what was written is sent first",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      await t.value(socket.opened, "opened");
      const all = t.bytes(6_000_000);
      const writer = socket.writable.getWriter();
      const writes = [];
      for (let at = 0; at < all.length; at += 100_000) writes.push(writer.write(all.slice(at, at + 100_000)));
      const closing = socket.close();
      await t.sleep(100);
      const came = await t.far("receive");
      t.equal([came.bytes, came.sum, came.end], [all.length, t.sum(all), "eof"], "what came");
      await t.value(Promise.all(writes), "the writes");
      await t.value(closing, "close()");
    },
  },
  {
    name: "X5 bytes that nobody takes are told",
    oursOnly: "closeTimeout",
    async run(t) {
      const socket = t.connect({ closeTimeout: 300 });
      await t.accept();
      await t.value(socket.opened, "opened");
      const writer = socket.writable.getWriter();
      for (let i = 0; i < 160; i++) writer.write(new Uint8Array(100_000)).catch(() => {});
      t.socketError(await t.error(socket.close(), "close()"), "ETIMEDOUT", "its error");
    },
  },
  {
    name: "X6 close() after the peer's FIN was read",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      const reader = socket.readable.getReader();
      await t.far("fin");
      t.equal((await t.value(reader.read(), "the read")).done, true, "the end");
      await t.value(socket.close(), "close()");
      await t.value(socket.closed, "closed");
    },
  },
  {
    name: "X7 close() of what could not be opened",
    async run(t) {
      const socket = t.raw(`127.0.0.1:${await t.far("freePort")}`);
      const error = await t.error(socket.closed, "closed");
      t.ok(await t.error(socket.close(), "close()") === error, "another error");
    },
  },
];

/** Half-open connections. */
const halves: SocketRow[] = [
  {
    name: "H1 without allowHalfOpen the peer's FIN ends both sides",
    async run(t) {
      const socket = t.connect({ allowHalfOpen: false });
      await t.accept();
      await t.value(socket.opened, "opened");
      const writer = socket.writable.getWriter();
      const reader = socket.readable.getReader();
      await t.far("fin");
      t.equal((await t.value(reader.read(), "the read")).done, true, "the end");
      t.equal((await t.far("receive")).end, "eof", "the end at the peer");
      await t.value(socket.closed, "closed");
      await t.error(writer.write(t.bytes(3)), "a late write");
    },
  },
  {
    name: "H1 what was written before is sent",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      await t.value(socket.opened, "opened");
      const all = t.bytes(6_000_000);
      const writer = socket.writable.getWriter();
      for (let at = 0; at < all.length; at += 100_000) {
        writer.write(all.slice(at, at + 100_000)).catch(() => {});
      }
      await t.far("fin");
      t.equal((await t.value(socket.readable.getReader().read(), "the read")).done, true, "the end");
      await t.sleep(100);
      const came = await t.far("receive");
      t.equal([came.bytes, came.sum, came.end], [all.length, t.sum(all), "eof"], "what came");
      await t.value(socket.closed, "closed");
    },
  },
  {
    name: "H1 readable piped to writable sends all of it back",
    async run(t) {
      const socket = t.connect();
      await t.accept();
      const piping = socket.readable.pipeTo(socket.writable);
      await t.far("write", "echo");
      await t.far("fin");
      const came = await t.far("receive");
      t.equal([came.bytes, came.end], [4, "eof"], "what came");
      await t.value(piping, "pipeTo");
      await t.value(socket.closed, "closed");
    },
  },
  {
    name: "H2 with it one writes on after the peer's FIN",
    async run(t) {
      const socket = t.connect({ allowHalfOpen: true });
      await t.accept();
      const reader = socket.readable.getReader();
      await t.far("fin");
      t.equal((await t.value(reader.read(), "the read")).done, true, "the end");
      await t.pending(socket.closed, "closed");
      await t.value(socket.writable.getWriter().write("late"), "a late write");
      t.equal(await t.far("text", 4), "late", "what came");
      await t.outcome(socket.close());
    },
  },
  {
    name: "H3 closed resolves when both sides have ended",
    async run(t) {
      const socket = t.connect({ allowHalfOpen: true });
      await t.accept();
      const reader = socket.readable.getReader();
      await t.far("fin");
      t.equal((await t.value(reader.read(), "the read")).done, true, "the end");
      await t.value(socket.writable.close(), "close() of writable");
      await t.value(socket.closed, "closed");
    },
  },
  ...[false, true].map((allowHalfOpen): SocketRow => ({
    name: `H4 closing writable sends a FIN, and one reads on (allowHalfOpen ${allowHalfOpen})`,
    // The value is in the text by the case's own name: a body has its parameter only.
    run: allowHalfOpen
      ? async (t) => {
        const socket = t.connect({ allowHalfOpen: true });
        await t.accept();
        await t.value(socket.writable.close(), "close() of writable");
        t.equal((await t.far("receive")).end, "eof", "the end at the peer");
        await t.far("write", "more");
        t.equal(await t.readText(socket.readable.getReader(), 4), "more", "what was read");
        await t.outcome(socket.close());
      }
      : async (t) => {
        const socket = t.connect({ allowHalfOpen: false });
        await t.accept();
        await t.value(socket.writable.close(), "close() of writable");
        t.equal((await t.far("receive")).end, "eof", "the end at the peer");
        await t.far("write", "more");
        t.equal(await t.readText(socket.readable.getReader(), 4), "more", "what was read");
        await t.outcome(socket.close());
      },
  })),
];

/** Errors. */
const errors: SocketRow[] = [
  {
    name: "E1 a SocketError is a TypeError, and prints as SocketError",
    async run(t) {
      const error = await t.error(t.raw(`127.0.0.1:${await t.far("freePort")}`).opened, "opened");
      t.socketError(error, "ECONNREFUSED", "the error of opened");
      t.ok(String(error).startsWith("SocketError: "), `it prints as ${error}`);
      t.ok(error.cause instanceof Error, "it has no cause");
    },
  },
];

export const PLAIN_ROWS: readonly SocketRow[] = [
  ...connecting,
  ...attributes,
  ...openings,
  ...closings,
  ...closes,
  ...halves,
  ...errors,
];
