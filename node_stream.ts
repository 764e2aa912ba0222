/**
 * Connections as Node streams, for the clients that take one: databases,
 * brokers, `http.request`, `tls.connect`. On Node, Deno and Bun.
 *
 * @example
 * ```ts
 * import { listen } from "@keepwire/keepwire";
 * import { createConnection } from "@keepwire/keepwire/node-stream";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 *
 * const stream = createConnection({ port: listener.address.port, keepAlive: { idle: 60_000 } });
 * stream.end("hello");
 * await using accepted = await listener.accept();
 * for await (const bytes of accepted) console.log(new TextDecoder().decode(bytes));
 * ```
 *
 * @module
 */
import { connect } from "./adapters/select.ts";
import { duplexOf, openDuplex } from "./adapters/shared/duplex.ts";
import type { ConnectionDuplex } from "./adapters/shared/duplex_types.ts";
import type { Connection, ConnectOptions } from "./core/types.ts";

export type {
  ConnectionDuplex,
  ReadyState,
  StreamAddress,
  StreamTarget,
} from "./adapters/shared/duplex_types.ts";
export type { Connection, ConnectOptions, KeepAlive, KeepAliveStatus } from "./core/types.ts";

/**
 * Gives an open connection as a Node `Duplex`. The stream reads, writes and
 * ends it from now on.
 *
 * @throws {TypeError} The runtime has no `node:stream`.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@keepwire/keepwire";
 * import { toDuplex } from "@keepwire/keepwire/node-stream";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 *
 * const stream = toDuplex(await connect({ port: listener.address.port }));
 * stream.end("hello");
 * await using accepted = await listener.accept();
 * for await (const bytes of accepted) console.log(bytes.length);
 * ```
 */
export function toDuplex(connection: Connection): ConnectionDuplex {
  return duplexOf(connection);
}

/**
 * Opens a connection as a Node `Duplex`, as `net.createConnection` does: it
 * can be written at once, and emits `connect`, or else `error`.
 *
 * With neither `port` nor `path` nothing is opened before the stream's own
 * `connect(port, host)`, which some clients call.
 *
 * @param options As for `connect`; `undefined` is `{}`. Keepalive that cannot be held is the stream's `error`.
 * @throws {TypeError | RangeError} An option has the wrong shape or is out of range.
 *
 * @example
 * ```ts
 * import { listen } from "@keepwire/keepwire";
 * import { createConnection } from "@keepwire/keepwire/node-stream";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 *
 * const stream = createConnection({ port: listener.address.port });
 * stream.once("connect", () => console.log(stream.getKeepAlive().detectsWithin.idle));
 * await using accepted = await listener.accept();
 * stream.end();
 * ```
 */
export function createConnection(options: ConnectOptions = {}): ConnectionDuplex {
  return openDuplex(connect, options);
}
