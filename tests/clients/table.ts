/**
 * Which client runs on which runtime, plain and with TLS (its own over our
 * stream, or ours where it takes the standard `connect`): everywhere, but for
 * what stands here. Data only.
 *
 * @module
 */
import type { RuntimeName } from "../../scripts/runtimes.ts";
import type { ServerName } from "./servers.ts";

/** Plain, or with TLS. */
export type Mode = "plain" | "tls";

/** Seconds, seconds, a count, milliseconds. */
export type Held = [idle: number, interval: number, count: number, userTimeout: number];

/** One client, and how it takes our streams. */
export interface Client {
  /** Also the name of its driver. */
  name: string;
  server: ServerName;
  /** What of the client takes a stream, or `connect`. */
  hook: string;
  /** Written for Workers: run as a bundle, over `keepwire/sockets` in place of `keepwire/node-stream`. */
  standard?: true;
  /** What the socket holds once the client is connected: as dialled, or as the client asked of the stream. */
  held: Record<Mode, Held>;
}

/** What `drivers/harness.mjs` dials with. */
export const DIALLED: Held = [61, 7, 4, 33_000];

/** What drivers have clients ask for by `setKeepAlive(true, 45_000)`: only the idle time changes. */
const ASKED: Held = [45, 7, 4, 33_000];

/** The client asks before it wraps the stream, or its TLS socket passes nothing on: Node's does not, over a stream. */
const dialled = { plain: DIALLED, tls: DIALLED };

export const CLIENTS: readonly Client[] = [
  { name: "pg", server: "postgres", hook: "the option stream", held: { plain: ASKED, tls: ASKED } },
  {
    name: "postgres",
    server: "postgres",
    hook: "the option socket",
    // Its own default, `keep_alive: 60`.
    held: { plain: [60, 7, 4, 33_000], tls: DIALLED },
  },
  { name: "mysql2", server: "mariadb", hook: "the option stream", held: dialled },
  { name: "mariadb", server: "mariadb", hook: "the option stream", held: dialled },
  { name: "ioredis", server: "redis", hook: "the option Connector", held: { plain: ASKED, tls: DIALLED } },
  { name: "mqtt", server: "mosquitto", hook: "the first argument of MqttClient", held: dialled },
  { name: "nats", server: "nats", hook: "setTransportFactory", held: dialled },
  {
    name: "http",
    server: "web",
    hook: "createConnection of an Agent",
    held: { plain: ASKED, tls: DIALLED },
  },
  { name: "undici", server: "web", hook: "the option connect", held: dialled },
  // Their setKeepAlive, where they have one, does nothing.
  {
    name: "pg-cloudflare",
    server: "postgres",
    hook: "cloudflare:sockets, and startTls",
    standard: true,
    held: dialled,
  },
  {
    name: "postgres-cf",
    server: "postgres",
    hook: "cloudflare:sockets, and startTls",
    standard: true,
    held: dialled,
  },
  { name: "redis-on-workers", server: "redis", hook: "the option connectFn", standard: true, held: dialled },
];

/** Where the clients run. */
export const RUNTIMES: readonly RuntimeName[] = ["node20", "node22", "node24", "node26", "deno", "bun"];

/** What is not possible, and what makes it so. The run fails if it has become possible. */
export interface Impossible {
  client: string;
  runtimes: readonly RuntimeName[];
  modes: readonly Mode[];
  reason: string;
  /** The upstream line or issue. */
  source: string;
}

export const IMPOSSIBLE: readonly Impossible[] = [
  {
    client: "mariadb",
    runtimes: RUNTIMES,
    modes: ["tls"],
    reason: "after tls.connect it takes all 'data' listeners off the stream, those of the TLS socket too",
    source: "https://github.com/mariadb-corporation/mariadb-connector-nodejs/blob/3.5.4/lib/connection.js: " +
      "createSecureContext, this.socket.removeAllListeners('data')",
  },
];
