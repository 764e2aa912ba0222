/**
 * One TCP socket of another process, by what the kernel lists: never by what
 * the library says.
 *
 * @module
 */

/** `st` of /proc/net/tcp, by include/net/tcp_states.h. */
const CLOSE = "07";

/** A socket that was found. */
export interface KernelSocket {
  pid: number;
  inode: string;
  /** What the kernel lists: `1234:5678`, the ports in hexadecimal. */
  ports: string;
}

/** The socket between the two ports, as process `pid` holds it. @throws when it does not */
export async function kernelSocket(pid: number, local: number, remote: number): Promise<KernelSocket> {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  const ports = `${hex(local)}:${hex(remote)}`;
  const row = (await rows(pid)).find((row) => row.ports === ports);
  if (row === undefined) throw new Error(`the kernel lists no socket between ports ${local} and ${remote}`);
  const socket = { pid, inode: row.inode, ports };
  if (!(await isHeld(socket))) {
    throw new Error(`process ${pid} does not hold the socket of inode ${row.inode}`);
  }
  return socket;
}

/** Whether the kernel still counts the socket among the connections: a dead one is listed no more. */
export async function isAlive({ pid, ports }: KernelSocket): Promise<boolean> {
  return (await rows(pid)).some((row) => row.ports === ports && row.state !== CLOSE);
}

/** Whether the process has a file descriptor of the socket. */
export async function isHeld({ pid, inode }: KernelSocket): Promise<boolean> {
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    if (target === `socket:[${inode}]`) return true;
  }
  return false;
}

/** The sockets to that port of another host that the process holds, in whatever state: their inodes. */
export async function socketsTo(pid: number, remote: number): Promise<string[]> {
  const suffix = `:${remote.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = (await rows(pid)).filter(({ ports }) => ports.endsWith(suffix)).map(({ inode }) => inode);
  const found = [];
  for (const inode of inodes) if (await isHeld({ pid, inode, ports: "" })) found.push(inode);
  return found;
}

async function rows(pid: number): Promise<{ ports: string; state: string; inode: string }[]> {
  const found = [];
  // A dual-stack socket of a runtime stands in the list for IPv6.
  for (const list of ["tcp", "tcp6"]) {
    const text = await Deno.readTextFile(`/proc/${pid}/net/${list}`).catch(() => "");
    for (const line of text.trim().split("\n").slice(1)) {
      const columns = line.trim().split(/\s+/);
      const [local, remote] = [columns[1], columns[2]].map((address) => address.split(":")[1]);
      found.push({ ports: `${local}:${remote}`, state: columns[3], inode: columns[9] });
    }
  }
  return found;
}
