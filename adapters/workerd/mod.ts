/**
 * keepwire on workerd (Cloudflare Workers), without asking which runtime this is.
 *
 * @module
 */
export { connect } from "./connection.ts";
export { listen } from "./listener.ts";
export { capabilities, getKeepAlive, setKeepAlive, tcpInfo, watchHealth } from "./sockopt.ts";
export * from "../../core/errors.ts";
export * from "../../core/types.ts";
