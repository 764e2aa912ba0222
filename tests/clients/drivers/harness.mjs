// What every driver of a client has in common. The client is used as its users do; the test that started this
// process judges from outside, by the kernel and by the server.
//
// A driver gives a function that opens one client over streams that `dial` makes (or, with that of standard.mjs,
// over sockets of the standard `connect`), and tells how to use it:
//   { exchange(bytes): what the server gave back, close(), told?: what the server says of the connection }
import { createHash } from "node:crypto";
import process from "node:process";
import { createInterface } from "node:readline";

/** Unlike every default, and unlike each other. */
export const KEEP_ALIVE = { idle: 61_000, interval: 7_000, count: 4, userTimeout: 33_000 };

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const settings = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (event, fields = {}) => console.log(JSON.stringify({ event, ...fields }));

/** Bytes that do not repeat, made here and compared by their digest. */
function payload(length) {
  const bytes = Buffer.alloc(length);
  const block = 32;
  for (let at = 0; at < length; at += block) {
    createHash("sha256").update(`${at}`).digest().copy(bytes, at);
  }
  return bytes;
}

function errorText(error) {
  if (!(error instanceof Error)) return String(error);
  return [error.stack ?? String(error), ...(error.cause ? [errorText(error.cause)] : [])].join(
    "\ncaused by ",
  );
}

/** Streams of `keepwire/node-stream`, for one mode. */
async function streamDialler({ nodeStream }) {
  const { createConnection } = await import(nodeStream);
  const streams = [];
  return {
    dial(options) {
      const stream = createConnection({ keepAlive: KEEP_ALIVE, ...options });
      streams.push(stream);
      return stream;
    },
    dials: () => streams.length,
    ends: () =>
      streams.map(({ localAddress, localPort, remoteAddress, remotePort }) => ({
        local: `${localAddress}:${localPort}`,
        remote: `${remoteAddress}:${remotePort}`,
      })),
    moved: () => ({ read: streams.at(-1).bytesRead, written: streams.at(-1).bytesWritten }),
    closed: () =>
      Promise.all(
        streams.map((stream) => stream.closed || new Promise((resolve) => stream.once("close", resolve))),
      ),
  };
}

async function runMode(mode, open, dialler) {
  const { dial, dials, ends, moved, closed } = await dialler(settings);
  const server = { host: "127.0.0.1", port: settings.ports[mode], ca: settings.ca, tls: mode === "tls" };
  const client = await open({ ...server, dial });
  say("open", { mode, dials: dials(), ends: await ends(), told: await client.told?.() });
  // The test reads the socket and asks the server before anything else happens.
  await lines.next();
  const bytes = payload(settings.bytes);
  const back = await client.exchange(bytes);
  say("exchanged", { mode, dials: dials(), sent: sha256(bytes), back: sha256(back), ...moved() });
  // Now it asks the kernel what came and went.
  await lines.next();
  await client.close();
  await closed();
  say("closed", { mode, dials: dials() });
  await lines.next();
}

/** Runs the modes that were asked for, one after the other, and then has nothing more to do. */
export async function drive(open, dialler = streamDialler) {
  // Loaded before the first count of file descriptors.
  await import("node:tls");
  say("ready");
  await lines.next();
  for (const mode of settings.modes) {
    try {
      await runMode(mode, open, dialler);
    } catch (error) {
      say("failed", { mode, error: errorText(error) });
      process.exit(3);
    }
  }
  process.stdin.destroy();
}

process.on("uncaughtException", (error) => {
  say("failed", { error: errorText(error) });
  process.exit(3);
});
