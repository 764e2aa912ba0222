/**
 * The one error model: what failed, on which connection, by a POSIX code.
 *
 * @module
 */
import type { SocketErrorCode } from "./tables/names.ts";
import type { Address, KernelName } from "./types.ts";

export type { SocketErrorCode } from "./tables/names.ts";

/** What was being done when a {@link SocketError} arose. */
export type SocketOp =
  | "connect"
  | "listen"
  | "accept"
  | "read"
  | "write"
  | "closeWrite"
  | "close"
  | "abort"
  | "startTls"
  | "setKeepAlive"
  | "getKeepAlive"
  | "tcpInfo"
  | "watchHealth"
  | "setNoDelay";

/** What a {@link SocketError} is made of. */
export interface SocketErrorFields {
  code: SocketErrorCode;
  op: SocketOp;
  localAddress?: Address;
  remoteAddress?: Address;
  /** The runtime's own error, or the reason given to `abort`. */
  cause?: unknown;
}

/**
 * Every failure of a connection or listener. A `TypeError`, as the WinterTC
 * Sockets API asks.
 *
 * @example
 * ```ts
 * import { connect, SocketError } from "@keepwire/keepwire";
 *
 * try {
 *   await connect({ path: "/nowhere.sock" });
 * } catch (error) {
 *   if (error instanceof SocketError && error.code === "ENOENT") console.log("nobody home");
 * }
 * ```
 */
export class SocketError extends TypeError {
  /** POSIX name of the failure. */
  readonly code: SocketErrorCode;
  /** What was being done. */
  readonly op: SocketOp;
  /** Our end, where there was one. */
  readonly localAddress?: Address;
  /** The peer's end, or where it was to be. */
  readonly remoteAddress?: Address;

  /** @param message One sentence without a final period. */
  constructor(message: string, fields: SocketErrorFields) {
    super(message, { cause: fields.cause });
    this.name = "SocketError";
    this.code = fields.code;
    this.op = fields.op;
    if (fields.localAddress) this.localAddress = fields.localAddress;
    if (fields.remoteAddress) this.remoteAddress = fields.remoteAddress;
  }
}

/**
 * An option that was asked for and cannot be held here. Nothing was opened or
 * touched. `hint` says what would help. `code` is `ENOTSUP`.
 */
export class UnsupportedOptionError extends SocketError {
  /** Kernel names of the options that cannot be held or read. */
  readonly options: (KernelName | "TCP_INFO")[];
  /** What would help: a flag, a version, a package. */
  readonly hint: string;

  constructor(
    message: string,
    fields: Omit<SocketErrorFields, "code"> & {
      options: (KernelName | "TCP_INFO")[];
      hint: string;
    },
  ) {
    super(message, { ...fields, code: "ENOTSUP" });
    this.name = "UnsupportedOptionError";
    this.options = fields.options;
    this.hint = fields.hint;
  }
}
