/**
 * What a connection as a Node `Duplex` consists of besides the stream itself.
 *
 * @module
 */
import type { Address, Connection, ConnectOptions, KeepAlive } from "../../core/types.ts";
import type { KeepAliveCall } from "../../core/node_arguments.ts";
import { SocketError, UnsupportedOptionError } from "../../core/errors.ts";
import type { StreamAddress } from "./duplex_types.ts";
import { type Builtins, warn } from "./node_builtins.ts";

/** Small writes that came at once are sent as one, up to so many bytes. */
const GATHERED = 65_536;

/** A larger write goes in pieces, so that it is seen to move. */
const PIECE = 1_048_576;

/** Milliseconds that the connection of a destroyed stream may take to end in an orderly way. */
const FAREWELL = 1_000;

/** Whether there is something to connect to. */
export function hasTarget({ port, path }: ConnectOptions): boolean {
  return port !== undefined || path !== undefined;
}

/**
 * From now on the stream ends the connection: at the peer's FIN the connection
 * itself would not know of what is queued in the stream. Gives `allowHalfOpen`
 * as the connection had it.
 */
export function takeOver(connection: Connection): boolean {
  const { leaveEnding } = connection as { leaveEnding?(): boolean }; // not for users, see core/lifecycle/connection.ts
  return leaveEnding?.call(connection) ?? false;
}

/** An address as Node tells it. */
export function nodeAddress(address: Address | undefined): StreamAddress {
  if (address?.transport !== "tcp") return {};
  const { hostname, port } = address;
  return { address: hostname, family: hostname.includes(":") ? "IPv6" : "IPv4", port };
}

/**
 * Sets what was asked for. What Node's callers leave out stays as it is; where
 * a runtime cannot leave it, it is set to what it was, as far as that is known.
 *
 * Node's callers are clients that know of no refusal, and whose defaults have
 * numbers: `http.Agent` calls from an event, where an error would end the
 * process. What cannot be set is a warning of the process instead.
 */
export function applyKeepAlive(connection: Connection, { options, given }: KeepAliveCall): void {
  const attempt = (values: boolean | KeepAlive): UnsupportedOptionError | undefined => {
    try {
      connection.setKeepAlive(values);
    } catch (error) {
      if (!(error instanceof UnsupportedOptionError) || given === undefined) throw error;
      return error;
    }
  };
  if (!attempt(options)) return;
  const values = { ...knownValues(connection), ...given };
  const refusal = attempt(values);
  if (!refusal) return;
  connection.setKeepAlive({ ...values, unsupported: "report" });
  warn(refusal.options.join(), refusal);
}

/** The same for the other setter that clients of Node call. */
export function applyNoDelay(connection: Connection, on: boolean): void {
  try {
    connection.setNoDelay(on);
  } catch (error) {
    if (!(error instanceof SocketError) || error.code !== "ENOTSUP") throw error;
    warn("TCP_NODELAY", error);
  }
}

function knownValues(connection: Connection): KeepAlive {
  try {
    const { idle, interval, count } = connection.getKeepAlive();
    return { idle, interval, count };
  } catch (error) {
    if (error instanceof UnsupportedOptionError) return {};
    throw error;
  }
}

/** Small writes as one; larger ones as they are, cut in pieces. */
export function cut(chunks: Uint8Array[]): Uint8Array[] {
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  if (chunks.length > 1 && bytes <= GATHERED) return [joined(chunks, bytes)];
  return chunks.flatMap((chunk) => {
    if (chunk.length <= PIECE) return chunk;
    const count = Math.ceil(chunk.length / PIECE);
    return Array.from({ length: count }, (_, i) => chunk.subarray(i * PIECE, (i + 1) * PIECE));
  });
}

function joined(chunks: Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/**
 * Ends the connection of a stream that was destroyed: what it has taken is
 * sent, and a FIN. As `net.Socket`, it lets the process end meanwhile, and a
 * peer that goes on sending is told by a RST.
 */
export function farewell(connection: Connection, { timers }: Builtins): void {
  connection.unref();
  const timer = timers.setTimeout(() => connection.abort(), FAREWELL);
  timer.unref();
  const over = () => timers.clearTimeout(timer);
  connection.close().then(over, over);
}
