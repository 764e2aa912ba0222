// What is measured, by keepwire: the same file on every runtime. Each function gives the milliseconds it took.
import { receiveFrom, sendTo } from "./node_streams.mjs";
import { readAll, readInto, writeAll } from "./web_streams.mjs";

const READ = 262_144;
const FOUR = [
  { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 },
  { idle: 11_000, interval: 6_000, count: 4, userTimeout: 21_000 },
];

export async function keepwire(library) {
  const { connect, watchHealth } = await import(library);
  const { toDuplex } = await import(library.replace(/mod\.(\w+)$/, "node_stream.$1"));
  const open = (ports, name) => {
    const { caCert } = ports;
    return connect({ port: ports[name], tls: caCert === undefined ? false : { caCerts: [caCert] } });
  };
  return {
    async receive(ports, bytes) {
      const connection = await open(ports, "source");
      const buffer = new Uint8Array(READ);
      const begun = performance.now();
      await connection.write(buffer.subarray(0, 1));
      for (let left = bytes; left > 0;) left -= await connection.read(buffer);
      const took = performance.now() - begun;
      connection.abort();
      return took;
    },

    async iterate(ports, bytes) {
      const connection = await open(ports, "source");
      const begun = performance.now();
      await connection.write(new Uint8Array(1));
      let left = bytes;
      for await (const chunk of connection) if ((left -= chunk.length) <= 0) break;
      const took = performance.now() - begun;
      connection.abort();
      return took;
    },

    async readDefault(ports, bytes) {
      const connection = await open(ports, "source");
      const begun = performance.now();
      await connection.write(new Uint8Array(1));
      const took = await readAll(connection.readable, bytes, begun);
      connection.abort();
      return took;
    },

    async readByob(ports, bytes) {
      const connection = await open(ports, "source");
      const begun = performance.now();
      await connection.write(new Uint8Array(1));
      const took = await readInto(connection.readable, bytes, begun);
      connection.abort();
      return took;
    },

    async writeStream(ports, bytes, chunk) {
      const connection = await open(ports, "sink");
      const begun = performance.now();
      await writeAll(connection.writable, bytes, chunk);
      await connection.read(new Uint8Array(8));
      const took = performance.now() - begun;
      connection.abort();
      return took;
    },

    async send(ports, bytes, chunk) {
      const connection = await open(ports, "sink");
      const data = new Uint8Array(chunk);
      const header = new Uint8Array(8);
      new DataView(header.buffer).setBigUint64(0, BigInt(bytes));
      const begun = performance.now();
      await connection.write(header);
      for (let left = bytes; left > 0; left -= chunk) await connection.write(data);
      await connection.read(header);
      const took = performance.now() - begun;
      connection.abort();
      return took;
    },

    receiveDuplex: async (ports, bytes) => receiveFrom(toDuplex(await open(ports, "source")), bytes),

    sendDuplex: async (ports, bytes, chunk) => sendTo(toDuplex(await open(ports, "sink")), bytes, chunk),

    async roundTrips(ports, count, size) {
      const connection = await open(ports, "echo");
      const data = new Uint8Array(size);
      const buffer = new Uint8Array(65_536);
      const begun = performance.now();
      for (let i = 0; i < count; i++) {
        await connection.write(data);
        for (let left = size; left > 0;) left -= await connection.read(buffer);
      }
      const took = performance.now() - begun;
      connection.abort();
      return took;
    },

    async connect(ports, count) {
      const begun = performance.now();
      for (let i = 0; i < count; i++) {
        const connection = await connect({ port: ports.idle, keepAlive: FOUR[0] });
        connection.abort();
      }
      return performance.now() - begun;
    },

    async setKeepAlive(ports, count) {
      const connection = await open(ports, "idle");
      const begun = performance.now();
      for (let i = 0; i < count; i++) connection.setKeepAlive(FOUR[i & 1]);
      const took = performance.now() - begun;
      connection.abort();
      return took;
    },

    async info(ports, count) {
      const connection = await open(ports, "idle");
      const begun = performance.now();
      for (let i = 0; i < count; i++) connection.info();
      const took = performance.now() - begun;
      connection.abort();
      return took;
    },

    /** Looks at all of them at the default interval, from now on. */
    watch(connections, interval) {
      void watchHealth(new Set(connections), { interval })[Symbol.asyncIterator]().next();
    },

    /** Connections with their read-ahead full: no read stands that would tell of their death. */
    async unread(ports, count) {
      const held = [];
      for (let i = 0; i < count; i++) held.push(await connect({ port: ports.greeting, readAhead: 1 }));
      return held;
    },

    async idle(ports, count) {
      const held = [];
      for (let i = 0; i < count; i++) held.push(await connect({ port: ports.idle }));
      return held;
    },
  };
}
