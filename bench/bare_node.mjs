// The same by the best code for Node alone: net.Socket with `onread`, callbacks, no promise on the way.
import { createRequire } from "node:module";
import { connect, Socket } from "node:net";
import process from "node:process";
import { connect as connectTls } from "node:tls";
import { receiveDuplex, sendDuplex } from "./node_streams.mjs";
import { readDefault, writeStream } from "./node_web.mjs";
import { FOUR, openSetsockopt } from "./setsockopt.mjs";

/** Larger is slower: what was read just now is still in the processor's cache. */
const READ = 65_536;
const HOST = "127.0.0.1";

/** A socket that reads into one buffer for good. */
function open(ports, name, onBytes, then) {
  const onread = { buffer: new Uint8Array(READ), callback: (count) => onBytes(count, socket) };
  const to = { port: ports[name], host: HOST, noDelay: true };
  const socket = ports.caCert === undefined
    ? new Socket({ onread }).connect(to, () => then(socket))
    : connectTls({ ...to, onread, ca: ports.caCert }, () => then(socket));
  socket.on("error", () => {});
}

/** By a reset, which Node has for plain sockets alone. */
function drop(socket) {
  if (socket.encrypted) socket.destroy();
  else socket.resetAndDestroy();
}

const receive = (ports, bytes) =>
  new Promise((resolve) => {
    let begun;
    let left = bytes;
    const onBytes = (count, socket) => {
      left -= count;
      if (left > 0) return true;
      resolve(performance.now() - begun);
      drop(socket);
      return false;
    };
    open(ports, "source", onBytes, (socket) => {
      begun = performance.now();
      socket.write("!");
    });
  });

export function bare(library) {
  const setFour = openSetsockopt(createRequire(library));
  const connectAll = (ports, count, set) =>
    new Promise((resolve) => {
      const begun = performance.now();
      let left = count;
      const next = () => {
        if (left-- === 0) return resolve(performance.now() - begun);
        const socket = connect({ port: ports.idle, host: HOST, noDelay: true }, () => {
          set(socket);
          // A tick later, so that it is a socket that reads.
          process.nextTick(() => {
            socket.resetAndDestroy();
            next();
          });
        });
        socket.on("error", () => {});
      };
      next();
    });

  return {
    receive,
    readDefault,
    readByob: receive,
    writeStream,
    receiveDuplex,
    sendDuplex,

    chunks: (ports, bytes) =>
      new Promise((resolve) => {
        let begun;
        let left = bytes;
        const socket = connect(ports.source, HOST, () => {
          begun = performance.now();
          socket.write("!");
        });
        socket.on("error", () => {}).on("data", (chunk) => {
          if (left <= 0 || (left -= chunk.length) > 0) return;
          resolve(performance.now() - begun);
          socket.resetAndDestroy();
        });
      }),

    send: (ports, bytes, chunk) =>
      new Promise((resolve) => {
        let begun;
        const data = new Uint8Array(chunk);
        const header = Buffer.alloc(8);
        header.writeBigUInt64BE(BigInt(bytes));
        const onBytes = (_, socket) => {
          resolve(performance.now() - begun);
          drop(socket);
          return false;
        };
        open(ports, "sink", onBytes, (socket) => {
          let left = bytes;
          const next = () => {
            if (left === 0) return;
            left -= chunk;
            socket.write(data, next);
          };
          begun = performance.now();
          socket.write(header, next);
        });
      }),

    roundTrips: (ports, count, size) =>
      new Promise((resolve) => {
        let begun;
        let left = count;
        let missing = size;
        const data = new Uint8Array(size);
        const onBytes = (length, socket) => {
          missing -= length;
          if (missing > 0) return true;
          missing = size;
          if (--left > 0) {
            socket.write(data);
            return true;
          }
          resolve(performance.now() - begun);
          drop(socket);
          return false;
        };
        open(ports, "echo", onBytes, (socket) => {
          begun = performance.now();
          socket.write(data);
        });
      }),

    connectNative: (ports, count) =>
      connectAll(ports, count, (socket) => socket.setKeepAlive(true, 10_000, 5_000, 3)),

    connectFfi: (ports, count) => connectAll(ports, count, (socket) => setFour(socket._handle.fd, FOUR[0])),

    setKeepAlive: (ports, count) =>
      new Promise((resolve) => {
        open(ports, "idle", () => true, (socket) => {
          const { fd } = socket._handle;
          const begun = performance.now();
          for (let i = 0; i < count; i++) setFour(fd, FOUR[i & 1]);
          resolve(performance.now() - begun);
          socket.resetAndDestroy();
        });
      }),

    async idle(ports, count) {
      const held = [];
      for (let i = 0; i < count; i++) {
        held.push(
          await new Promise((resolve) => {
            const socket = connect(ports.idle, HOST, () => resolve(socket));
          }),
        );
      }
      return held;
    },
  };
}
