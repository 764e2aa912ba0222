/**
 * How the options of keepwire's own sockets are reached.
 *
 * @module
 */
import type { Address } from "../../core/types.ts";
import type { Plan, Wishes } from "../../core/keepalive/model.ts";
import { type ErrorContext, socketError } from "../../core/socket_error.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Door } from "./door.ts";
import { planFor, type Reach } from "./keepalive.ts";

/** The reach of a socket of ours whose file descriptor, where there is one, is `descriptor`. */
export function reachOf(
  door: Door,
  native: object,
  transport: Address["transport"],
  descriptor: Descriptor | undefined,
): Reach {
  const means = door.means();
  return {
    socket: native,
    unix: transport === "unix",
    means: descriptor ? means : { ...means, ffi: [] },
    descriptor,
    timers: door.timers,
    callNative: (call) => door.callNative(native, call),
  };
}

/**
 * The reach of a listening socket. Where its file descriptor is not known, as
 * in a worker of a cluster, accepted sockets are reached all the same.
 */
export function listenerReachOf(
  door: Pick<Door, "means" | "timers">,
  native: object,
  transport: Address["transport"],
  descriptor: Descriptor | undefined,
): Reach {
  return { socket: native, unix: transport === "unix", means: door.means(), descriptor, timers: door.timers };
}

/**
 * Refuses what cannot be held, before anything is opened. Gives the plan for what can.
 *
 * @throws {SocketError} `ENOTSUP`: this version of the runtime loses data.
 * @throws {UnsupportedOptionError} An explicit value cannot be held here.
 */
export function requireHolds(
  door: Pick<Door, "refusal" | "means">,
  transport: Address["transport"],
  wishes: Wishes,
  context: ErrorContext,
): Plan {
  const refusal = door.refusal();
  if (refusal !== undefined) throw socketError("ENOTSUP", context, undefined, refusal);
  return planFor(wishes, { unix: transport === "unix", means: door.means() }, context);
}
