/**
 * The breaks of `deno task mutations`: what is done to which file, and which
 * part of the suite must turn red. Data only.
 *
 * @module
 */

/** One break, and where it must be noticed. */
export interface Mutation {
  name: string;
  file: string;
  /** Text that stands in the file exactly once. */
  find: string;
  replace: string;
  /** The stage or lane of `run_tests.ts`. */
  lane: string;
  /** The file of the conformance suite; none for a stage. */
  suite?: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "the interval is forced to 1 s",
    file: "adapters/shared/descriptor.ts",
    find: "const result = this.#libc.setInt(this.fd, option.level, option.name, value);",
    replace:
      'const result = this.#libc.setInt(this.fd, option.level, option.name, name === "TCP_KEEPINTVL" ? 1 : value);',
    lane: "deno",
    suite: "kernel_truth",
  },
  {
    name: "seconds are rounded down",
    file: "core/keepalive/validate.ts",
    find: "Math.ceil(milliseconds / 1000)",
    replace: "Math.floor(milliseconds / 1000)",
    lane: "deno",
    suite: "kernel_truth",
  },
  {
    name: "idle and interval have each other's number",
    file: "core/tables/sockopt.ts",
    find: 'TCP_KEEPIDLE: tcp(4, "s", `${LINUX}',
    replace: 'TCP_KEEPIDLE: tcp(5, "s", `${LINUX}',
    lane: "deno",
    suite: "kernel_truth",
  },
  {
    name: "nothing is put back when an option fails",
    file: "adapters/shared/keepalive.ts",
    find: "if (old !== undefined) descriptor.set(name, old);",
    replace: "",
    lane: "deno",
    suite: "all_or_nothing",
  },
  {
    name: "the status repeats what was asked",
    file: "adapters/shared/keepalive.ts",
    find: "const notApplied = unmetBy(values, wishes);",
    replace: "const notApplied = unmetBy(Object.assign(values, plan.held), wishes);",
    lane: "deno",
    suite: "all_or_nothing",
  },
  {
    name: "a short write is not looped",
    file: "adapters/deno/wire.ts",
    find: "if (this.#taken === data.length) {",
    replace: "if (count > 0) {",
    lane: "deno",
    suite: "bytes",
  },
  {
    name: "an RST is taken for the end",
    file: "core/lifecycle/connection.ts",
    find: "    const error = this.#explain(cause, side);\n",
    replace:
      '    const error = this.#explain(cause, side);\n    if (error.code === "ECONNRESET") return this.ended();\n',
    lane: "deno",
    suite: "ends_reset",
  },
  {
    name: "the listener's options are not set",
    file: "adapters/shared/base_gate.ts",
    find: '    this.#set(wishes, "listen");\n',
    replace: "    this.#unsure = 0;\n",
    lane: "deno",
    suite: "kernel_truth",
  },
  {
    name: "connections queued before the options are taken as they are",
    file: "adapters/shared/base_gate.ts",
    find: "queued === undefined ? Infinity : queued + IN_FLIGHT",
    replace: "0",
    lane: "deno",
    suite: "queued",
  },
  {
    name: "a file descriptor is found by its local port alone",
    file: "adapters/shared/find_descriptor.ts",
    find: "if (libc.getpeername(fd, address) < 0 || !isEndpoint(address, peer, os)) return false;",
    replace: "if (libc.getpeername(fd, address) < 0) return false;",
    lane: "deno",
    suite: "right_socket",
  },
  {
    name: "a value is refused only after the connection was opened",
    file: "adapters/deno/connection.ts",
    find: "  const toHold = requireHolds(\n",
    replace: `  const { transport } = plan.endpoint;
  const lax = requireHolds(door, transport, { ...plan.wishes, report: true }, context);
  (await dial(plan, context, () => attempt(plan, lax, context))).abort();
  const toHold = requireHolds(
`,
    lane: "deno without ffi",
    suite: "refusals",
  },
  {
    name: "a user timeout does not bound the answer to the SYN",
    file: "core/lifecycle/dial.ts",
    find: "if (!userTimeout) return attempt;",
    replace: "if (userTimeout !== 0) return attempt;",
    lane: "deno",
    suite: "ends_connect_failures",
  },
  {
    name: "the watcher looks every three seconds",
    file: "adapters/shared/watcher.ts",
    find: "const PERIOD = 500;",
    replace: "const PERIOD = 3_000;",
    lane: "lab",
    suite: "3",
  },
  {
    name: "close does not read up to the peer's FIN",
    file: "core/lifecycle/connection.ts",
    find: "if (this.#reading.reached || (this.#closing !== undefined && this.#reading.seen)) {",
    replace: "if (this.#reading.reached || this.#closing !== undefined) {",
    lane: "deno",
    suite: "bytes",
  },
  {
    name: "libuv's false end is believed",
    file: "adapters/node/wire.ts",
    find: "if (!confirmsEnd()) return this.sink.ended();",
    replace: "return this.sink.ended();",
    lane: "node20 esm",
    suite: "ends_busy",
  },
  {
    name: "libuv's false end is believed under TLS",
    file: "adapters/node/tls.ts",
    find: "const code = confirmsEnd() ? this.diagnose() : undefined;",
    replace: "const code = (confirmsEnd(), undefined as string | undefined);",
    lane: "lab",
    suite: "3",
  },
  {
    name: "Bun's write that failed is not asked for its errno",
    file: "adapters/bun/wire.ts",
    find: "this.native.readyState === 1 ? libc()?.errno() : undefined",
    replace: "undefined as number | undefined",
    lane: "bun esm",
    suite: "ends_busy",
  },
  {
    name: "the watcher never looks",
    file: "adapters/shared/watcher.ts",
    find: "if (found > 0) this.#collect(start, count, dead);",
    replace: "",
    lane: "deno",
    suite: "ends",
  },
  {
    name: "read-ahead has no limit",
    file: "core/lifecycle/read_side.ts",
    find: "const hold = reader === undefined && this.#size >= this.#limit;",
    replace: "const hold = false;",
    lane: "deno",
    suite: "bytes",
  },
  {
    name: "the first probe is always due after the idle time",
    file: "core/keepalive/kernel_timers.ts",
    find: "Math.max(idle, interval);",
    replace: "idle;",
    lane: "units",
  },
  {
    name: "the first retransmission is taken to come after one timeout",
    file: "core/keepalive/kernel_timers.ts",
    find: "return 2 * rto;",
    replace: "return rto;",
    lane: "units",
  },
  {
    name: "retransmissions end when the limit is reached, not with the one then due",
    file: "core/keepalive/kernel_timers.ts",
    find: "return first + elapsed;",
    replace: "return first + limit;",
    lane: "units",
  },
  {
    name: "window probes are as many as tcp_retries2",
    file: "core/keepalive/kernel_timers.ts",
    find: "(retries2 + 1) * Math.min",
    replace: "retries2 * Math.min",
    lane: "units",
  },
  {
    name: "the user timeout is met by the probe before it",
    file: "core/keepalive/kernel_timers.ts",
    find: "Math.ceil((userTimeout - first) / interval)",
    replace: "Math.floor((userTimeout - first) / interval)",
    lane: "units",
  },
  {
    name: "bytes that came before TLS are taken for its own",
    file: "core/lifecycle/secure.ts",
    find: "if (reading.size > 0 || reading.seen) {",
    replace: "if (reading.seen) {",
    lane: "deno",
    suite: "tls_start",
  },
  {
    name: "a write does not wait for the handshake",
    file: "core/lifecycle/secure.ts",
    find: "if (this.#starting === undefined) return super.write(data);",
    replace: "if (this.#starting !== null) return super.write(data);",
    lane: "deno",
    suite: "tls_start",
  },
  {
    name: "Bun's own word on a certificate is enough",
    file: "adapters/bun/tls.ts",
    find: "identify(tls(), serverName, socket.getPeerCertificate(), crypto),",
    replace: "undefined,",
    lane: "bun esm",
    suite: "tls_refused",
  },
  {
    name: "an IP address is sent as SNI",
    file: "adapters/bun/tls.ts",
    find: "...(isAddress ? {} : { serverName }),",
    replace: "...(isAddress ? { serverName } : { serverName }),",
    lane: "bun esm",
    suite: "tls_accepted",
  },
  {
    name: "a FIN without close_notify is an orderly end",
    file: "adapters/node/tls.ts",
    find: "if (reading) this.sink.ended();",
    replace: "if (reading || !this.#deathBehindEnd()) this.sink.ended();",
    lane: "node24 esm",
    suite: "tls_ends",
  },
  {
    name: "the stream of bytes reads before somebody wants it",
    file: "core/streams/readable.ts",
    find: "{ highWaterMark: 0 }",
    replace: "{ highWaterMark: 65_536 }",
    lane: "deno",
    suite: "streams",
  },
  {
    name: "a Duplex keeps setKeepAlive to itself",
    file: "adapters/shared/duplex.ts",
    find: "this.#set((connection) => applyKeepAlive(connection, call));",
    replace: "void call;",
    lane: "node24 esm",
    suite: "node_stream",
  },
  {
    name: "suspected at the first sign of trouble",
    file: "core/health/judge.ts",
    find: "return vitals.retransmits >= 2 && ageOf(trouble, vitals) >= PATIENCE;",
    replace: "return vitals.retransmits >= 1 && PATIENCE > 0;",
    lane: "units",
  },
  {
    name: "a field of TCP_INFO is read where the next one lies",
    file: "core/tables/tcp_info.ts",
    find: 'row("rto",                    8,',
    replace: 'row("rto",                    12,',
    lane: "deno",
    suite: "tcp_info",
  },
];
