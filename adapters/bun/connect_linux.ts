/**
 * Connecting on Linux by `socket(2)` and `connect(2)`: `Bun.connect` of Bun
 * 1.4.5 reports nearly every failure as ECONNREFUSED
 * (https://github.com/oven-sh/bun/pull/37093), and cannot be cancelled.
 *
 * @module
 */
import type { Address } from "../../core/types.ts";
import { errnoName } from "../../core/tables/errno.ts";
import type { Libc } from "../shared/libc.ts";
import { endpointOf } from "../shared/sockaddr.ts";
import { builtin, os, type OsModule } from "./host.ts";

/** SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC (`bits/socket_type.h`; the same on x86-64 and arm64). */
const STREAM = 1 | 0o4000 | 0o2000000;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

const EINPROGRESS = 115;

/** A socket that is connected, or connecting. */
export interface Started {
  fd: number;
  connecting: boolean;
}

/**
 * Starts to connect.
 *
 * @param endpoint An IP address, or a path.
 * @throws {Error} With the kernel's `code`; no file descriptor is left.
 */
export function startConnect(libc: Libc, endpoint: Address): Started {
  const address = sockaddrOf(endpoint);
  const fd = libc.socket(address[0], STREAM, 0);
  if (fd < 0) throw errnoError("socket", -fd);
  const result = libc.connect(fd, address);
  if (result === 0) return { fd, connecting: false };
  if (result === -EINPROGRESS) return { fd, connecting: true };
  libc.close(fd);
  throw errnoError("connect", -result);
}

/** Why no socket can be made at this moment, or `undefined` where one can. */
export function diagnoseSocket(libc: Libc): Error | undefined {
  const fd = libc.socket(AF_INET, STREAM, 0);
  if (fd < 0) return errnoError("socket", -fd);
  libc.close(fd);
  return undefined;
}

/** An error as the runtime would make it. */
export function errnoError(syscall: string, errno: number): Error {
  const code = errnoName(os(), errno) ?? `errno ${errno}`;
  return Object.assign(new Error(`${syscall} failed with ${code}`), { code, errno: -errno, syscall });
}

/** `struct sockaddr_un`, `sockaddr_in` or `sockaddr_in6` (unix(7), ip(7), ipv6(7)). */
function sockaddrOf(endpoint: Address): Uint8Array {
  if (endpoint.transport === "unix") {
    const path = new TextEncoder().encode(endpoint.path);
    // With its final NUL.
    const address = sockaddr(AF_UNIX, 2 + path.length + 1);
    address.set(path, 2);
    return address;
  }
  const { hostname, port } = endpoint;
  const end = endpointOf(hostname, port)!; // an IP address, by contract
  const v6 = hostname.includes(":");
  const address = sockaddr(v6 ? AF_INET6 : AF_INET, v6 ? 28 : 16);
  address.set(end.subarray(0, 2), 2);
  if (v6) {
    address.set(end.subarray(2), 8);
    new DataView(address.buffer).setUint32(24, scopeOf(hostname), true);
  } else {
    address.set(end.subarray(14), 4);
  }
  return address;
}

function sockaddr(family: number, length: number): Uint8Array {
  const address = new Uint8Array(new ArrayBuffer(length));
  address[0] = family;
  return address;
}

/** The number of the network interface behind the `%` of a link-local address; 0 without one. */
function scopeOf(hostname: string): number {
  const [, scope] = hostname.split("%", 2);
  if (scope === undefined) return 0;
  if (/^\d+$/.test(scope)) return Number(scope);
  const addresses = builtin<OsModule>("node:os")!.networkInterfaces()[scope]; // every Bun has it
  const found = addresses?.find(({ scopeid }) => scopeid);
  if (found) return found.scopeid!; // found by it
  // What getaddrinfo(3) says of an interface that is not there.
  throw Object.assign(new Error(`no network interface ${scope} with link-local addresses`), {
    code: "ENOTFOUND",
  });
}
