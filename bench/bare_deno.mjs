// The same by the best code for Deno alone: reads into one buffer, writes looped.
import { receiveDuplex, sendDuplex } from "./node_streams.mjs";
import { FOUR, setter } from "./setsockopt.mjs";
import { readAll, readInto, writeAll as writeStream } from "./web_streams.mjs";

const READ = 262_144;
const HOST = "127.0.0.1";

const { symbols } = Deno.dlopen("libc.so.6", {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
});
const value = new Int32Array(new ArrayBuffer(4));
const setFour = setter((fd, name) => symbols.setsockopt(fd, 6, name, value, 4), value);
const address = new Uint8Array(28);
const length = new Uint32Array(1);

/** Deno gives no file descriptor away: the lowest free one before the call is the new socket's, which its port confirms. */
async function openWithFd(port) {
  const fd = symbols.dup(2);
  symbols.close(fd);
  const conn = await open(port);
  length[0] = 28;
  symbols.getsockname(fd, address, length);
  if ((address[2] << 8 | address[3]) !== conn.localAddr.port) throw new Error("another fd");
  return { conn, fd };
}

const open = (port) => Deno.connect({ hostname: HOST, port });

async function openQuick(ports, name) {
  const { caCert } = ports;
  const conn = await open(ports[name]);
  conn.setNoDelay(true);
  if (caCert === undefined) return conn;
  // `connectTls` knows no TCP_NODELAY: a round trip takes it 45 ms.
  const tlsConn = await Deno.startTls(conn, { hostname: HOST, caCerts: [caCert] });
  await tlsConn.handshake();
  return tlsConn;
}

async function writeAll(conn, data) {
  let taken = await conn.write(data);
  while (taken < data.length) taken += await conn.write(data.subarray(taken));
}

export function bare() {
  return {
    receiveDuplex,
    sendDuplex,

    async receive(ports, bytes) {
      const conn = await openQuick(ports, "source");
      const buffer = new Uint8Array(READ);
      const begun = performance.now();
      await conn.write(buffer.subarray(0, 1));
      for (let left = bytes; left > 0;) left -= await conn.read(buffer);
      const took = performance.now() - begun;
      conn.close();
      return took;
    },

    async chunks(ports, bytes) {
      const conn = await openQuick(ports, "source");
      const begun = performance.now();
      await conn.write(new Uint8Array(1));
      for (let left = bytes; left > 0;) {
        const chunk = new Uint8Array(65_536);
        left -= chunk.subarray(0, await conn.read(chunk)).length;
      }
      const took = performance.now() - begun;
      conn.close();
      return took;
    },

    async readDefault(ports, bytes) {
      const conn = await openQuick(ports, "source");
      const begun = performance.now();
      await conn.write(new Uint8Array(1));
      const took = await readAll(conn.readable, bytes, begun);
      conn.close();
      return took;
    },

    async readByob(ports, bytes) {
      const conn = await openQuick(ports, "source");
      const begun = performance.now();
      await conn.write(new Uint8Array(1));
      const took = await readInto(conn.readable, bytes, begun);
      conn.close();
      return took;
    },

    async writeStream(ports, bytes, chunk) {
      const conn = await openQuick(ports, "sink");
      const begun = performance.now();
      await writeStream(conn.writable, bytes, chunk);
      await conn.read(new Uint8Array(8));
      const took = performance.now() - begun;
      conn.close();
      return took;
    },

    async send(ports, bytes, chunk) {
      const conn = await openQuick(ports, "sink");
      const data = new Uint8Array(chunk);
      const header = new Uint8Array(8);
      new DataView(header.buffer).setBigUint64(0, BigInt(bytes));
      const begun = performance.now();
      await conn.write(header);
      for (let left = bytes; left > 0; left -= chunk) await writeAll(conn, data);
      await conn.read(header);
      const took = performance.now() - begun;
      conn.close();
      return took;
    },

    async roundTrips(ports, count, size) {
      const conn = await openQuick(ports, "echo");
      const data = new Uint8Array(size);
      const buffer = new Uint8Array(65_536);
      const begun = performance.now();
      for (let i = 0; i < count; i++) {
        await conn.write(data);
        for (let left = size; left > 0;) left -= await conn.read(buffer);
      }
      const took = performance.now() - begun;
      conn.close();
      return took;
    },

    async connectNative(ports, count) {
      const begun = performance.now();
      for (let i = 0; i < count; i++) {
        const conn = await openQuick(ports, "idle");
        conn.setKeepAlive(true);
        conn.close();
      }
      return performance.now() - begun;
    },

    async connectFfi(ports, count) {
      const begun = performance.now();
      for (let i = 0; i < count; i++) {
        const { conn, fd } = await openWithFd(ports.idle);
        conn.setNoDelay(true);
        setFour(fd, FOUR[0]);
        conn.close();
      }
      return performance.now() - begun;
    },

    async setKeepAlive(ports, count) {
      const { conn, fd } = await openWithFd(ports.idle);
      const begun = performance.now();
      for (let i = 0; i < count; i++) setFour(fd, FOUR[i & 1]);
      const took = performance.now() - begun;
      conn.close();
      return took;
    },

    async idle(ports, count) {
      const held = [];
      for (let i = 0; i < count; i++) {
        const conn = await open(ports.idle);
        // Without a pending read an end would not be noticed.
        conn.read(new Uint8Array(512)).catch(() => {});
        held.push(conn);
      }
      return held;
    },
  };
}
