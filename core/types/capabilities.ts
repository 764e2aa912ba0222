/**
 * The public shape of what a process can do. Types only.
 *
 * @module
 */
import type { KernelName, NoticesDeath, Runtime, TlsCapabilities } from "../tables/names.ts";
import type { Route } from "../types.ts";

/** The routes of one option. */
export interface OptionRoutes {
  /** How it is set. */
  set: Route;
  /** How it is read. */
  get: Route;
  /** What would help, where a route is missing: a flag, a version, a package. */
  hint?: string;
}

/** What this runtime, OS and permission set can do. */
export interface Capabilities {
  runtime: Runtime;
  /** The runtime's version. */
  version: string;
  /** As the runtime names it: `linux`, `darwin`, `windows`, … */
  os: string;
  /** Per option, by which way it is set and read. */
  routes: Record<KernelName, OptionRoutes>;
  /** Whether what a socket holds can be read from the kernel. */
  readBack: boolean;
  /** How `tcpInfo` and `connection.info()` read, and what would help where they cannot. */
  tcpInfo: Pick<OptionRoutes, "get" | "hint">;
  noticesDeath: NoticesDeath;
  /** Whether `abort()` sends a RST. */
  reset: boolean;
  tls: TlsCapabilities;
}
