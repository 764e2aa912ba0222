/**
 * What the kernel tells of one connection.
 *
 * @module
 */
import type { TcpInfo } from "../../core/types.ts";
import { type ErrorContext, socketError } from "../../core/socket_error.ts";
import { isGone, type Reach } from "./keepalive.ts";

/**
 * TCP_INFO of a socket; `undefined` for a Unix socket, without FFI, and where
 * the kernel or a sandbox refuses it.
 *
 * @throws {SocketError} `ENOTCONN`: it is closed.
 */
export function readInfo({ unix, descriptor }: Reach, context: ErrorContext): TcpInfo | undefined {
  if (unix || !descriptor) return undefined;
  // The runtime's own socket is within everybody's reach: it may have been closed behind our back.
  if (!descriptor.isSame()) throw socketError("ENOTCONN", context);
  const info = descriptor.info();
  if (info === undefined && isGone(descriptor.errno, context)) throw socketError("ENOTCONN", context);
  return info;
}
