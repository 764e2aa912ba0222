// The four values by keepwire, the same file on every runtime: a connection opened, and one accepted.
import process from "node:process";
import { tell, tellRefusal } from "./tell.mjs";

const [library] = process.argv.slice(2);
const { connect, listen, UnsupportedOptionError } = await import(library);
const keepAlive = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };

/** Without the options, where they are refused: the other end of the pair. */
async function open(side, what, fallback) {
  try {
    return { opened: await what(), refused: false };
  } catch (error) {
    if (!(error instanceof UnsupportedOptionError)) throw error;
    tellRefusal(side, error);
    return { opened: await fallback(), refused: true };
  }
}

const place = { hostname: "127.0.0.1", port: 0 };
const { opened: listener, refused } = await open(
  "accepted",
  () => listen({ ...place, keepAlive }),
  () => listen(place),
);

const target = { port: listener.address.port };
const { opened: connection, refused: refusedToo } = await open(
  "opened",
  () => connect({ ...target, keepAlive }),
  () => connect(target),
);
const accepted = await listener.accept();
for (const [side, one, isRefused] of [["opened", connection, refusedToo], ["accepted", accepted, refused]]) {
  if (!isRefused) tell(side, one.localAddress.port, one.remoteAddress.port, one.getKeepAlive());
}
