/**
 * Listeners on workerd, which has none: it calls a Worker for what it accepts.
 *
 * @module
 */
import type { Listener, ListenOptions } from "../../core/types.ts";
import { validateListen } from "../../core/options.ts";
import { socketError } from "../../core/socket_error.ts";
import { os, runtime } from "./host.ts";

/**
 * Is refused: a Worker cannot listen.
 *
 * @throws {TypeError | RangeError} An option has the wrong shape or is out of range.
 * @throws {SocketError} `ENOTSUP`, for whatever else.
 *
 * @example
 * ```ts
 * import { listen, SocketError } from "@keepwire/keepwire";
 *
 * try {
 *   await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 *   console.log(listener.address);
 * } catch (error) {
 *   if (error instanceof SocketError && error.code === "ENOTSUP") console.log("this is workerd");
 * }
 * ```
 */
// deno-lint-ignore require-await -- it rejects, as on the other runtimes
export async function listen(options: ListenOptions): Promise<Listener> {
  const plan = validateListen(options);
  const context = { op: "listen", localAddress: plan.endpoint, runtime, os: os() } as const;
  throw socketError("ENOTSUP", context, undefined, NO_LISTENERS);
}

const NO_LISTENERS = "a Worker cannot listen; workerd accepts by its own configuration and calls the Worker";
