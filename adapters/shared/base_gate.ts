/**
 * What is the same in the listeners of all runtimes: that every connection
 * holds the listener's options when it is handed out.
 *
 * @module
 */
import type { KeepAliveStatus } from "../../core/types.ts";
import type { Wishes } from "../../core/keepalive/model.ts";
import { socketError } from "../../core/socket_error.ts";
import type { Place } from "../../core/lifecycle/listener.ts";
import { applyWishes, carryOver, promiseWishes, type Reach, readStatus } from "./keepalive.ts";
import type { Grip } from "./base_wire.ts";

/**
 * Sockets the kernel may have made before the options and queued after it was
 * asked: one at most for each processor (Linux, net/ipv4/tcp_minisocks.c:
 * `tcp_check_req` clones first and queues then, without the listener's lock).
 */
const IN_FLIGHT = 1_024;

/**
 * The options of a listener. On Linux accepted sockets inherit those of the
 * listening socket (tcp(7)), but not those that were queued before the options
 * were set: how many they are the kernel tells, and its queue is first in,
 * first out. Elsewhere, and where the listening socket cannot be reached, each
 * accepted socket is set.
 */
export abstract class BaseGate {
  readonly #reach: Reach;
  readonly #place: Place;
  #wishes: Wishes;
  /** How many of the next accepted sockets may lack the options. */
  #unsure = Infinity;

  /** Sets the options of the listening socket, before anybody is accepted. */
  constructor(reach: Reach, wishes: Wishes, place: Place) {
    this.#reach = reach;
    this.#place = place;
    this.#wishes = wishes;
    this.#set(wishes, "listen");
  }

  setKeepAlive(wishes: Wishes): KeepAliveStatus {
    return this.#set(wishes, "setKeepAlive");
  }

  getKeepAlive(): KeepAliveStatus {
    return readStatus(this.#reach, { ...this.#place, op: "getKeepAlive" });
  }

  /** Gives an accepted socket the options if it may lack them. To be called once for each, in their order. */
  protected outfit({ reach, context }: Grip<object>): void {
    const { remoteAddress } = context;
    // A client that has reset its connection in the queue has no name any more.
    if (remoteAddress.transport === "tcp" && remoteAddress.hostname === "") {
      throw socketError("ECONNRESET", { ...context, op: "accept" });
    }
    if (this.#unsure <= 0) return;
    this.#unsure--;
    applyWishes(this.#wishes, reach, { ...context, op: "accept" });
  }

  #set(wishes: Wishes, op: "listen" | "setKeepAlive"): KeepAliveStatus {
    const { unix, descriptor } = this.#reach;
    const own = unix || descriptor !== undefined;
    const all = own ? wishes : carryOver(wishes, this.#reach);
    const status = (own ? applyWishes : promiseWishes)(all, this.#reach, { ...this.#place, op });
    this.#wishes = all;
    // Asked only now: those that come after the options have them. Where some are not applied, each must know that.
    const inherits = this.#place.os === "linux" && status.notApplied.length === 0;
    const queued = inherits ? descriptor?.queued() : undefined;
    this.#unsure = queued === undefined ? Infinity : queued + IN_FLIGHT;
    return status;
  }
}
