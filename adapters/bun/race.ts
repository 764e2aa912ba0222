/**
 * Connecting to the first address that answers (RFC 8305, "happy eyeballs").
 *
 * @module
 */
import type { Address } from "../../core/types.ts";
import { endpointOf } from "../shared/sockaddr.ts";
import { startConnect } from "./connect_linux.ts";
import { builtin, bun, type BunSocket, type DnsModule, handlers, os, type SocketEvents } from "./host.ts";
import { libc } from "./sockopt.ts";

/** Milliseconds until the next address is tried beside those that have not answered (RFC 8305, section 5). */
const ATTEMPT_DELAY = 250;

/** Who waits for a socket. Exactly one of both is told, once. */
export interface Waiting {
  /** Told before the first byte of the socket. */
  connected(socket: BunSocket): void;
  failed(cause: unknown): void;
}

/** Connects; gives the way to cancel that. */
export function race(endpoint: Address, waiting: Waiting): () => void {
  const running = new Race(waiting);
  addressesOf(endpoint).then(
    (addresses) => running.start(addresses),
    (cause) => running.fail(cause),
  );
  return () => running.end();
}

/** The addresses to try, in their order: all of a name's, its families alternating (RFC 8305, section 4). */
export async function addressesOf(endpoint: Address): Promise<Address[]> {
  if (endpoint.transport === "unix" || endpointOf(endpoint.hostname, 0)) return [endpoint];
  const { transport, hostname, port } = endpoint;
  const found = await builtin<DnsModule>("node:dns")!.promises.lookup(hostname, { all: true }); // every Bun has it
  if (found.length === 0) throw Object.assign(new Error(`no address of ${hostname}`), { code: "ENOTFOUND" });
  const first = found.filter(({ family }) => family === found[0].family);
  const second = found.filter(({ family }) => family !== found[0].family);
  const sorted = first.flatMap((entry, index) => [entry, ...second.slice(index, index + 1)]);
  return [...sorted, ...second.slice(first.length)].map(({ address }) => ({
    transport,
    hostname: address,
    port,
  }));
}

class Race {
  readonly #waiting: Waiting;
  readonly #runners = new Set<Runner>();
  readonly #causes: unknown[] = [];
  #addresses: Address[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(waiting: Waiting) {
    this.#waiting = waiting;
  }

  start(addresses: Address[]): void {
    this.#addresses = addresses;
    this.#next();
  }

  fail(cause: unknown): void {
    if (this.#over) return;
    this.end();
    this.#waiting.failed(cause);
  }

  won(runner: Runner, socket: BunSocket): void {
    this.#runners.delete(runner);
    this.end();
    this.#waiting.connected(socket);
  }

  lost(runner: Runner, cause: unknown): void {
    this.#runners.delete(runner);
    this.#causes.push(cause);
    this.#next();
  }

  /** Nobody is told any more, and nothing is left behind. */
  end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    for (const runner of this.#runners) runner.stop();
    this.#runners.clear();
  }

  #next(): void {
    clearTimeout(this.#timer);
    if (this.#over) return;
    const address = this.#addresses.shift();
    if (address === undefined) {
      if (this.#runners.size > 0) return;
      const [first, ...others] = this.#causes;
      this.fail(others.length > 0 ? new AggregateError(this.#causes) : first);
      return;
    }
    if (this.#addresses.length > 0) this.#timer = setTimeout(() => this.#next(), ATTEMPT_DELAY);
    const runner = new Runner(this);
    this.#runners.add(runner);
    runner.run(address);
  }
}

/** One address of a race. */
class Runner implements SocketEvents {
  readonly #race: Race;
  #socket: BunSocket | undefined;
  #connecting = false;
  #over = false;

  constructor(race: Race) {
    this.#race = race;
  }

  run(address: Address): void {
    try {
      const options = { ...this.#target(address), allowHalfOpen: true, socket: handlers, data: this };
      bun().connect(options).catch((error) => this.#lose(error));
    } catch (error) {
      this.#lose(error);
    }
  }

  stop(): void {
    this.#over = true;
    this.#socket?.terminate();
  }

  opened(socket: BunSocket): void {
    this.#socket = socket;
    // Bun 1.4 has no way to cancel a connect of its own: it is closed when it is there.
    if (this.#over) socket.terminate();
    else if (!this.#connecting) this.#win();
  }

  /** The first sign of room for writing is how a socket that came as a file descriptor tells that it is connected. */
  drained(): void {
    this.#win();
  }

  received(chunk: Uint8Array): void {
    this.#win()?.received(chunk);
  }

  ended(): void {
    this.#win()?.ended();
  }

  closed(error: Error | undefined): void {
    this.#lose(error ?? Object.assign(new Error("closed while connecting"), { code: "ECONNABORTED" }));
  }

  #target(address: Address): Record<string, unknown> {
    const library = os() === "linux" ? libc() : undefined;
    if (library) {
      const { fd, connecting } = startConnect(library, address);
      this.#connecting = connecting;
      return { fd };
    }
    // Bun 1.4.5 says ECONNREFUSED here of nearly whatever the kernel said, and without FFI nobody knows better:
    // https://github.com/oven-sh/bun/pull/37093
    return address.transport === "unix"
      ? { unix: address.path }
      : { hostname: address.hostname, port: address.port };
  }

  /** Gives whom the socket tells from now on, if it was accepted. */
  #win(): SocketEvents | undefined {
    const socket = this.#socket;
    if (this.#over || !socket) return undefined;
    this.#over = true;
    this.#race.won(this, socket);
    return socket.data === this ? undefined : socket.data;
  }

  #lose(cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#race.lost(this, cause);
  }
}
