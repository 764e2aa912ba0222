// A protocol of our own: each message has its length before it, as four bytes. Server and client in one program, on
// Node, Deno and Bun alike: node framed.mjs
import { connect, listen } from "keepwire";

/** Sends one message. */
async function send(connection, message) {
  const framed = new Uint8Array(4 + message.length);
  new DataView(framed.buffer).setUint32(0, message.length);
  framed.set(message, 4);
  await connection.write(framed);
}

/** Reads exactly `length` bytes; `undefined` at the end of the stream. */
async function readExactly(connection, length) {
  const buffer = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const count = await connection.read(buffer.subarray(filled));
    if (count === null && filled === 0) return undefined;
    if (count === null) throw new Error("the stream ends within a message");
    filled += count;
  }
  return buffer;
}

/** Yields the messages of the peer. Nobody gets more than a megabyte into memory here. */
async function* messages(connection, longest = 1_048_576) {
  for (let head = await readExactly(connection, 4); head; head = await readExactly(connection, 4)) {
    const length = new DataView(head.buffer).getUint32(0);
    if (length > longest) throw new Error(`a message of ${length} bytes`);
    yield await readExactly(connection, length);
  }
}

async function serve(listener) {
  for await (const connection of listener) {
    for await (const message of messages(connection)) await send(connection, message.toReversed());
    await connection.close();
  }
}

const listener = await listen({ hostname: "127.0.0.1", port: 0, keepAlive: { unsupported: "report" } });
const serving = serve(listener);
const connection = await connect({ port: listener.address.port });
const answers = messages(connection);
for (const text of ["keepwire", "a much longer message ".repeat(5_000)]) {
  await send(connection, new TextEncoder().encode(text));
  const { value } = await answers.next();
  console.log(`${value.length} bytes: ${new TextDecoder().decode(value.subarray(0, 8))}`);
}
await connection.close();
await listener.close();
await serving;
