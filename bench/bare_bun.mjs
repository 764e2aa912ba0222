// The same by the best code for Bun alone: Bun.connect with shared handlers, short writes kept until there is room.
import { dlopen } from "bun:ffi";
import { receiveDuplex, sendDuplex } from "./node_streams.mjs";
import { readDefault, writeStream } from "./node_web.mjs";
import { FOUR, setter } from "./setsockopt.mjs";

const HOST = "127.0.0.1";

const { symbols } = dlopen("libc.so.6", {
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
});
const value = new Int32Array(new ArrayBuffer(4));
// By a pointer it is faster, and wrong: Bun 1.4.5's compiler then drops the store into the array.
const setFour = setter((fd, name) => symbols.setsockopt(fd, 6, name, value, 4), value);

const nothing = () => {};
const handlers = {
  data: (socket, chunk) => socket.data.onBytes(chunk.length, socket),
  drain: (socket) => socket.data.onRoom(socket),
  handshake: (socket, done, error) => socket.data.onShaken(socket, done && !error),
  error: nothing,
  close: nothing,
};

function open(ports, name, onBytes = nothing, onRoom = nothing) {
  const to = { hostname: HOST, port: ports[name], socket: handlers };
  const { caCert } = ports;
  if (caCert === undefined) return Bun.connect({ ...to, data: { onBytes, onRoom } });
  // It resolves before the handshake.
  return new Promise((resolve, reject) => {
    const onShaken = (socket, right) => right ? resolve(socket) : reject(new Error("the handshake failed"));
    Bun.connect({ ...to, tls: { ca: caCert }, data: { onBytes, onRoom, onShaken } }).catch(reject);
  });
}

/** Writes what the kernel takes; tells whether that was all. */
class Sender {
  constructor(socket, then) {
    this.socket = socket;
    this.then = then;
    this.data = undefined;
  }
  send(data) {
    const taken = this.socket.write(data);
    if (taken === data.length) return true;
    this.data = data.subarray(taken);
    return false;
  }
  room() {
    if (this.data === undefined) return;
    const data = this.data;
    this.data = undefined;
    if (this.send(data)) this.then();
  }
}

/** Bun hands out chunks of its own in any case. */
const receive = (ports, bytes) =>
  new Promise((resolve) => {
    let begun;
    let left = bytes;
    open(ports, "source", (count, socket) => {
      if (left <= 0) return;
      left -= count;
      if (left > 0) return;
      resolve(performance.now() - begun);
      socket.terminate();
    }).then((socket) => {
      begun = performance.now();
      socket.write("!");
    });
  });

export function bare() {
  return {
    receive,
    chunks: receive,
    readDefault,
    readByob: receive,
    writeStream,
    receiveDuplex,
    sendDuplex,

    send: (ports, bytes, chunk) =>
      new Promise((resolve) => {
        let begun;
        let sender;
        const onBytes = (_, socket) => {
          resolve(performance.now() - begun);
          socket.terminate();
        };
        open(ports, "sink", onBytes, () => sender?.room()).then((socket) => {
          const data = new Uint8Array(chunk);
          const header = new Uint8Array(8);
          new DataView(header.buffer).setBigUint64(0, BigInt(bytes));
          let left = bytes;
          const go = () => {
            while (left > 0) {
              left -= chunk;
              if (!sender.send(data)) return;
            }
          };
          sender = new Sender(socket, go);
          begun = performance.now();
          socket.write(header);
          go();
        });
      }),

    roundTrips: (ports, count, size) =>
      new Promise((resolve) => {
        let begun;
        let left = count;
        let missing = size;
        const data = new Uint8Array(size);
        open(ports, "echo", (length, socket) => {
          missing -= length;
          if (missing > 0) return;
          missing = size;
          if (--left > 0) return void socket.write(data);
          resolve(performance.now() - begun);
          socket.terminate();
        }).then((socket) => {
          begun = performance.now();
          socket.write(data);
        });
      }),

    async connectNative(ports, count) {
      const begun = performance.now();
      for (let i = 0; i < count; i++) {
        const socket = await open(ports, "idle");
        socket.setKeepAlive(true, 10_000);
        socket.terminate();
      }
      return performance.now() - begun;
    },

    async connectFfi(ports, count) {
      const begun = performance.now();
      for (let i = 0; i < count; i++) {
        const socket = await open(ports, "idle");
        setFour(socket.fd, FOUR[0]);
        socket.terminate();
      }
      return performance.now() - begun;
    },

    async setKeepAlive(ports, count) {
      const socket = await open(ports, "idle");
      const { fd } = socket;
      const begun = performance.now();
      for (let i = 0; i < count; i++) setFour(fd, FOUR[i & 1]);
      const took = performance.now() - begun;
      socket.terminate();
      return took;
    },

    async idle(ports, count) {
      const held = [];
      for (let i = 0; i < count; i++) held.push(await open(ports, "idle"));
      return held;
    },
  };
}
