/**
 * TCP connections whose keepalive is what you ask for, on Node, Deno and Bun:
 * what you ask is what the kernel holds, and a dead peer is noticed in a time
 * that can be computed.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@keepwire/keepwire";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 *
 * await using connection = await connect({ port: listener.address.port });
 * await using accepted = await listener.accept();
 * console.log(connection.getKeepAlive().detectsWithin.idle);
 * ```
 *
 * @module
 */
export {
  capabilities,
  connect,
  getKeepAlive,
  listen,
  setKeepAlive,
  tcpInfo,
  watchHealth,
} from "./adapters/select.ts";
export * from "./core/errors.ts";
export * from "./core/types.ts";
