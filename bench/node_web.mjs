// The streams that Node makes of a socket, which Bun has too. They take no BYOB reader.
import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { readAll, writeAll } from "./web_streams.mjs";

async function open(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return { socket, ...Duplex.toWeb(socket) };
}

export async function readDefault(ports, bytes) {
  const { socket, readable } = await open(ports.source);
  const begun = performance.now();
  socket.write("!");
  const took = await readAll(readable, bytes, begun);
  socket.destroy();
  return took;
}

export async function writeStream(ports, bytes, chunk) {
  const { socket, readable, writable } = await open(ports.sink);
  const begun = performance.now();
  await writeAll(writable, bytes, chunk);
  await readable.getReader().read();
  const took = performance.now() - begun;
  socket.destroy();
  return took;
}
