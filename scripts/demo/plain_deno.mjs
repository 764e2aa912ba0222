// The four values by Deno's own API, which has the switch alone: a connection opened, and one accepted.
import { tell } from "./tell.mjs";

// Not in its types; what a later version may take for the values: https://github.com/denoland/deno/pull/35636
const byObject = Deno.args.includes("object");
const set = (conn) => conn.setKeepAlive(byObject ? { time: 10_000, interval: 5_000, retries: 3 } : true);

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
set(conn);
tell("opened", conn.localAddr.port, conn.remoteAddr.port);

const accepted = await listener.accept();
set(accepted);
tell("accepted", accepted.localAddr.port, accepted.remoteAddr.port);
