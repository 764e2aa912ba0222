/**
 * What an adapter's `sockopt.ts` gives to the code that all adapters share.
 *
 * @module
 */
import type { KernelTimers } from "../../core/keepalive/kernel_timers.ts";
import type { Means, NativeCall } from "../../core/keepalive/model.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Watcher } from "./watcher.ts";

/** The way of one runtime to the options of its sockets. */
export interface Door {
  /** Why this version of the runtime is refused as a whole. */
  refusal(): string | undefined;
  /** By what options can be set in this process at this moment. */
  means(): Means;
  /** What the system says of the timers of TCP; `undefined` where it is not Linux. A function of its own, which needs no `this`. */
  readonly timers: () => KernelTimers | undefined;
  /** The file descriptor of a socket of the runtime that is connected; `undefined` without FFI, or where it cannot be known for sure. */
  descriptorOf(native: object): Descriptor | undefined;
  /** The same of a listening socket. */
  listenerDescriptorOf(native: object): Descriptor | undefined;
  /** Calls the runtime's own setter; throws when it says that it failed. */
  callNative(native: object, call: NativeCall): void;
  /** The watcher of this process; `undefined` without FFI. */
  watcher(): Watcher | undefined;
}
