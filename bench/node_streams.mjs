// Node streams, ours and the runtimes' own sockets, used in the same way.
import { connect } from "node:net";

const HOST = "127.0.0.1";

/** Reads by `data`, from a source. */
export function receiveFrom(stream, bytes) {
  return new Promise((resolve) => {
    let left = bytes;
    const begun = performance.now();
    stream.on("error", () => {}).on("data", (chunk) => {
      if (left <= 0 || (left -= chunk.length) > 0) return;
      resolve(performance.now() - begun);
      stream.destroy();
    });
    stream.write("!");
  });
}

/** Each write to the sink waits for the callback of the one before. */
export function sendTo(stream, bytes, chunk) {
  return new Promise((resolve) => {
    const header = new Uint8Array(8);
    new DataView(header.buffer).setBigUint64(0, BigInt(bytes));
    const data = new Uint8Array(chunk);
    let left = bytes;
    const begun = performance.now();
    const next = () => {
      if (left === 0) return;
      left -= chunk;
      stream.write(data, next);
    };
    stream.on("error", () => {}).on("data", () => {
      resolve(performance.now() - begun);
      stream.destroy();
    });
    stream.write(header, next);
  });
}

const open = (port) =>
  new Promise((resolve) => {
    const socket = connect({ port, host: HOST, noDelay: true }, () => resolve(socket));
  });

export const receiveDuplex = async (ports, bytes) => receiveFrom(await open(ports.source), bytes);
export const sendDuplex = async (ports, bytes, chunk) => sendTo(await open(ports.sink), bytes, chunk);
