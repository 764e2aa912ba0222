/**
 * Finds the file descriptors of our own sockets where their addresses do not
 * tell: when Deno makes a socket within a call, the kernel gives it the lowest
 * free number (open(2), which holds for every file descriptor).
 *
 * @module
 */
import { Descriptor, type Kernel } from "../shared/descriptor.ts";
import { lowestFree, search } from "../shared/find_descriptor.ts";
import { endpointOf, familyOf, isEndpoint, SOCKADDR_SIZE } from "../shared/sockaddr.ts";
import type { DenoAddr, DenoConn } from "./host.ts";

const address = new Uint8Array(new ArrayBuffer(SOCKADDR_SIZE));
const text = new TextDecoder();

/** The Unix sockets that have a wire. */
const known = new Set<number>();

/**
 * To be called right before Deno makes a socket. Gives what is to be called
 * right after it, and tells what has the number then.
 */
export function expectSocket(kernel: Kernel | undefined): () => Descriptor | undefined {
  if (!kernel) return () => undefined;
  const fd = lowestFree(kernel.libc);
  return () => {
    const caught = new Descriptor(kernel, fd).remember();
    return caught.isSame() ? caught : undefined;
  };
}

/** Whether what was caught is this connection: another thread may have opened something in between. */
export function isClient(kernel: Kernel, caught: Descriptor, conn: DenoConn, path?: string): boolean {
  if (!caught.isSame() || caught.get("SO_ACCEPTCONN")) return false;
  if (path === undefined) return isBoundTo(kernel, caught.fd, conn.localAddr);
  // The server may have bound itself by a relative path, or by another one to the same directory.
  const found = pathOf(kernel, "getpeername", caught.fd);
  return found !== undefined && fileOf(found) === fileOf(path);
}

/** Whether what was caught is the listening socket at this address. */
export function isListening(kernel: Kernel, caught: Descriptor, addr: DenoAddr): boolean {
  return caught.isSame() && caught.get("SO_ACCEPTCONN") === 1 && isBoundTo(kernel, caught.fd, addr);
}

/**
 * The Unix socket that was accepted last at `path`. Its peer has no name, so it
 * is known by being the only one there that no wire has yet.
 */
export function findAccepted(kernel: Kernel, path: string): Descriptor | undefined {
  let found: Descriptor | undefined;
  search(kernel.libc, (fd) => {
    if (known.has(fd) || pathOf(kernel, "getsockname", fd) !== path) return false;
    const descriptor = new Descriptor(kernel, fd);
    if (descriptor.get("SO_ACCEPTCONN")) return false;
    found = descriptor.remember();
    return true;
  });
  return found;
}

/** Keeps in mind that this Unix socket has a wire, until {@link disown}. */
export function own(descriptor: Descriptor): void {
  known.add(descriptor.fd);
}

/** To be called right before the socket is closed. */
export function disown(descriptor: Descriptor): void {
  known.delete(descriptor.fd);
}

function isBoundTo({ libc, os }: Kernel, fd: number, { hostname, port }: DenoAddr): boolean {
  const endpoint = endpointOf(hostname, port);
  return endpoint !== undefined && libc.getsockname(fd, address) > 0 && isEndpoint(address, endpoint, os);
}

/** The path of a Unix socket's end; `undefined` for another kind of file. */
function pathOf(
  { libc, os }: Kernel,
  call: "getsockname" | "getpeername",
  fd: number,
): string | undefined {
  const length = libc[call](fd, address);
  if (length < 2 || familyOf(address, os) !== "unix") return undefined;
  return text.decode(address.subarray(2, length)).replace(/\0.*$/s, "");
}

function fileOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
