/**
 * Sockets of `node:net`, on Node and on Bun's and Deno's layer of it, typed
 * by ourselves as far as keepwire uses them.
 *
 * @module
 */
import { type ErrorContext, socketError } from "../../core/socket_error.ts";

/** What lies under a `net.Socket` or `net.Server`; its class differs by runtime and transport. */
export interface NodeHandle {
  /** -1 while it connects, once it is closed, and on Windows; absent on Deno and for TLS over a stream. */
  fd?: number;
  /** Node and Deno take seconds, and Node gives an errno, negated; Bun takes milliseconds and gives a boolean. */
  setKeepAlive?(enable: boolean, idle: number, intervalSeconds?: number, count?: number): unknown;
  /** Deno only: a duplicate of the file descriptor, which the caller closes. */
  fdForIpc?(): number;
  /** What a TLS handle wraps. */
  _parent?: NodeHandle | null;
}

/** What is used of a `net.Socket` that the caller opened. */
export interface ForeignNetSocket {
  readonly _handle: NodeHandle | null;
  readonly connecting: boolean;
  readonly destroyed: boolean;
}

/** Whether this is a `net.Socket`, or a `tls.TLSSocket`. By its shape: a class is another one in each copy of a module. */
export function isNetSocket(socket: object): socket is ForeignNetSocket {
  return "_handle" in socket && "connecting" in socket && "destroyed" in socket;
}

/**
 * The handle of a connected socket.
 *
 * @throws {SocketError} `ENOTCONN`, which tells whether it is too early or too late.
 */
export function handleOf(socket: ForeignNetSocket, context: ErrorContext): NodeHandle {
  if (socket.connecting) throw notConnected("connecting", context);
  if (socket._handle && !socket.destroyed) return socket._handle;
  throw notConnected(socket.destroyed ? "closed" : "new", context);
}

const REASONS = {
  new: "the socket is not connected; set it when it is",
  connecting: "the socket is still connecting; wait for its 'connect' event",
  closed: "the socket is closed",
} as const;

/** The error for a socket that has no connection: `ENOTCONN`, the same text on each runtime. */
export function notConnected(state: keyof typeof REASONS, context: ErrorContext): Error {
  return socketError("ENOTCONN", context, undefined, REASONS[state]);
}

/** The error for TLS over a stream that is no socket: there is no file descriptor, and nothing to set. */
export function overStream(context: ErrorContext): Error {
  const reason = "it is TLS over a stream that is no socket; use the socket beneath that stream";
  return socketError("ENOTSUP", context, undefined, reason);
}

/** Whether a handle of Node or Deno is a Unix socket's or a named pipe's. */
export function isPipe(handle: NodeHandle): boolean {
  const inner = handle._parent ?? handle;
  return /^Pipe/.test(inner.constructor.name);
}
