/**
 * Addresses as plain data, the same from every runtime.
 *
 * @module
 */
import type { Address } from "../../core/types.ts";

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** A TCP address. IPv4 in IPv6 (`::ffff:127.0.0.1`) is the IPv4 address that it is, as in Go. */
export function tcpAddress(hostname: string | undefined, port: number | undefined): Address {
  const bare = hostname ?? "";
  return { transport: "tcp", hostname: MAPPED.exec(bare)?.[1] ?? bare, port: port ?? 0 };
}

/** A Unix socket's address; the path of a socket without a name is `""`. */
export function unixAddress(path: string | null | undefined): Address {
  return { transport: "unix", path: path ?? "" };
}
