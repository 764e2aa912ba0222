// Web streams, ours and the runtimes' own, used in the same way.
const READ = 262_144;

export async function readAll(readable, bytes, begun) {
  const reader = readable.getReader();
  for (let left = bytes; left > 0;) left -= (await reader.read()).value.length;
  reader.releaseLock();
  return performance.now() - begun;
}

/** Into one buffer, handed over and back. */
export async function readInto(readable, bytes, begun) {
  const reader = readable.getReader({ mode: "byob" });
  let view = new Uint8Array(READ);
  for (let left = bytes; left > 0;) {
    const { value } = await reader.read(view);
    left -= value.length;
    view = new Uint8Array(value.buffer);
  }
  reader.releaseLock();
  return performance.now() - begun;
}

/** The sink is told how much comes; each chunk waits for the one before. */
export async function writeAll(writable, bytes, chunk) {
  const writer = writable.getWriter();
  const header = new Uint8Array(8);
  new DataView(header.buffer).setBigUint64(0, BigInt(bytes));
  await writer.write(header);
  const data = new Uint8Array(chunk);
  for (let left = bytes; left > 0; left -= chunk) await writer.write(data);
  writer.releaseLock();
}
