/**
 * Puts a plan into effect on one socket, as a whole or not at all, and tells
 * what the socket holds.
 *
 * @module
 */
import type { KeepAliveStatus, KernelName, Route } from "../../core/types.ts";
import type { KernelTimers } from "../../core/keepalive/kernel_timers.ts";
import type { KernelValues, Means, NativeCall, Plan, Wishes } from "../../core/keepalive/model.ts";
import {
  KERNEL_OPTIONS,
  NUMERIC_OPTIONS,
  planOptions,
  unixPlan,
  unmetBy,
} from "../../core/keepalive/plan.ts";
import { statusOf } from "../../core/keepalive/status.ts";
import { type ErrorContext, socketError, toSocketError, unsupportedOption } from "../../core/socket_error.ts";
import { errnoName } from "../../core/tables/errno.ts";
import { codeOfErrno } from "../../core/tables/failure.ts";
import type { Descriptor } from "./descriptor.ts";

/** How the options of one socket can be reached. */
export interface Reach {
  /** The runtime's own socket: what was asked of it is remembered under it. */
  socket: object;
  /** A Unix socket has no keepalive. */
  unix: boolean;
  /** What this socket allows; less than the process has where it is no plain TCP socket. */
  means: Means;
  /** By FFI, which then is the way for everything. */
  descriptor?: Descriptor;
  /** What the system says of the timers of TCP. */
  timers?: () => KernelTimers | undefined;
  /** Calls the runtime's own setter; throws when that says that it failed. */
  callNative?(call: NativeCall): void;
}

/** What is known of a socket that the kernel does not tell. */
interface Known {
  /** What was applied last, where it cannot be read. */
  last?: { values: KernelValues; route: Route };
  /** What was wanted last and is not held. */
  notApplied: readonly KernelName[];
}

/** Goes with the socket. */
const known = new WeakMap<object, Known>();

/**
 * Gives a socket what is wanted.
 *
 * @throws {UnsupportedOptionError} An explicit value cannot be held. The socket is as it was.
 * @throws {SocketError} By the kernel's or the runtime's word. The socket is as it was, where it can be read.
 */
export function applyWishes(wishes: Wishes, reach: Reach, context: ErrorContext): KeepAliveStatus {
  return applyPlan(planFor(wishes, reach, context), wishes, reach, context);
}

/**
 * Plans how to give a socket what is wanted; touches nothing.
 *
 * @throws {UnsupportedOptionError} An explicit value cannot be held.
 */
export function planFor(
  wishes: Wishes,
  { unix, means }: Pick<Reach, "unix" | "means">,
  context: ErrorContext,
): Plan {
  return unix ? unixPlan(wishes, context) : planOptions(wishes, means, context);
}

/**
 * Gives a socket what is wanted, by a plan that was made for it.
 *
 * @param newborn The socket is ours, has just been made, and is closed when this fails: what it held before matters to nobody.
 * @throws {SocketError} As {@link applyWishes}.
 */
export function applyPlan(
  plan: Plan,
  wishes: Wishes,
  reach: Reach,
  context: ErrorContext,
  newborn = false,
): KeepAliveStatus {
  const { descriptor, socket } = reach;
  if (plan.route === "ffi") {
    if (!descriptor) throw socketError("ENOTCONN", context);
    const status = applyByFfi(plan, wishes, { ...reach, descriptor }, context, newborn);
    // Mostly there is nothing to remember.
    if (status.notApplied.length > 0) known.set(socket, { notApplied: [...status.notApplied] });
    else if (!newborn) known.delete(socket);
    return status;
  }
  if (plan.route === "native") callAll(plan.calls, reach, context);
  return handedOver(plan, reach, { ...known.get(socket)?.last?.values, ...plan.held }, context);
}

/**
 * Takes wishes for sockets that are to come: those that a listening socket
 * accepts which cannot be set itself.
 *
 * @throws {UnsupportedOptionError} An explicit value could not be held.
 */
export function promiseWishes(wishes: Wishes, reach: Reach, context: ErrorContext): KeepAliveStatus {
  const plan = planOptions(wishes, reach.means, context);
  return handedOver(plan, reach, plan.held, context);
}

/** These wishes, and what the socket was given before where they leave it alone: the kernel would keep it. */
export function carryOver(wishes: Wishes, { socket }: Reach): Wishes {
  const before = known.get(socket)?.last?.values ?? {};
  const options = { ...wishes.options };
  for (const name of NUMERIC_OPTIONS) {
    const value = before[name];
    if (options[name].kind === "set" || value === undefined) continue;
    options[name] = { kind: "set", value, explicit: false };
  }
  return { ...wishes, options };
}

/** The status of a socket that cannot be read. */
function handedOver(
  { route, notApplied }: Plan,
  reach: Reach,
  values: KernelValues,
  context: ErrorContext,
): KeepAliveStatus {
  known.set(reach.socket, { last: { values, route }, notApplied: [...notApplied] });
  return statusOf(values, { source: "requested", route, notApplied }, timersOf(reach, context));
}

/** The timers that decide over this socket. Nobody sees the status that comes of connecting or accepting, and it must not cost. */
function timersOf({ unix, descriptor, timers }: Reach, { op }: ErrorContext): KernelTimers | undefined {
  const asked = op === "setKeepAlive" || op === "getKeepAlive";
  const system = asked && !unix ? timers?.() : undefined;
  if (system === undefined) return undefined;
  const rto = descriptor?.rto();
  return rto === undefined ? system : { ...system, rto };
}

function callAll(calls: NativeCall[], reach: Reach, context: ErrorContext): void {
  if (!reach.callNative) throw socketError("ENOTCONN", context);
  try {
    for (const call of calls) reach.callNative(call);
  } catch (cause) {
    throw toSocketError(cause, context);
  }
}

/**
 * Tells what a socket holds: by `getsockopt(2)`, else what was applied last;
 * and what was wanted last and was not applied.
 *
 * @throws {UnsupportedOptionError} It cannot be read, and nothing was applied.
 */
export function readStatus(reach: Reach, context: ErrorContext): KeepAliveStatus {
  const { unix, descriptor, socket, means } = reach;
  const before = known.get(socket);
  const notApplied = [...before?.notApplied ?? []];
  if (unix) return statusOf({ SO_KEEPALIVE: 0 }, { source: "requested", route: "none", notApplied });
  if (descriptor) {
    const values = readKernel(descriptor, context);
    return statusOf(values, { source: "kernel", route: "ffi", notApplied }, timersOf(reach, context));
  }
  if (before?.last) {
    const { values, route } = before.last;
    return statusOf(values, { source: "requested", route, notApplied }, timersOf(reach, context));
  }
  const options = [...KERNEL_OPTIONS];
  throw unsupportedOption({ verb: "read", options, where: means.runtime, hint: means.hint }, context);
}

/** What `getsockopt(2)` gives; absent is what this system or kernel does not have. */
function readKernel(descriptor: Descriptor, context: ErrorContext): KernelValues {
  // The runtime's own socket is within everybody's reach: it may have been closed behind our back.
  if (!descriptor.isSame()) throw socketError("ENOTCONN", context);
  const values: KernelValues = {
    TCP_KEEPIDLE: descriptor.get("TCP_KEEPIDLE"),
    TCP_KEEPINTVL: descriptor.get("TCP_KEEPINTVL"),
    TCP_KEEPCNT: descriptor.get("TCP_KEEPCNT"),
    TCP_USER_TIMEOUT: descriptor.get("TCP_USER_TIMEOUT"),
    SO_KEEPALIVE: readOne(descriptor, "SO_KEEPALIVE"),
  };
  if (values.SO_KEEPALIVE === undefined) throw failure(descriptor.errno, context);
  return values;
}

function readOne(descriptor: Descriptor, name: KernelName): number | undefined {
  const value = descriptor.get(name);
  // BSD answers SO_KEEPALIVE with the flag's bit, which is 8.
  return name === "SO_KEEPALIVE" && value ? 1 : value;
}

function applyByFfi(
  plan: Plan,
  wishes: Wishes,
  reach: Reach & { descriptor: Descriptor },
  context: ErrorContext,
  newborn: boolean,
): KeepAliveStatus {
  const { descriptor, means } = reach;
  let values = newborn ? {} : readKernel(descriptor, context);
  const changed: KernelValues = {};
  const giveUp = (error: Error): never => {
    putBack(descriptor, changed);
    throw error;
  };

  for (const { name, value } of plan.steps) {
    if (values[name] === value) continue;
    // What cannot be read could not be put back.
    const readable = newborn || values[name] !== undefined || descriptor.get(name) !== undefined;
    const errno = readable ? descriptor.set(name, value) : descriptor.errno;
    if (errno === 0) changed[name] = values[name];
    else if (isPromise(name, wishes)) giveUp(refusal(name, errno, means, context));
    // What is best effort may be forbidden too: a sandbox refuses single options with EPERM.
    else if (isGone(errno, context)) giveUp(failure(errno, context));
  }
  if (newborn) values = readKernel(descriptor, context);
  // The others are as they were just read: nothing else runs in between.
  else for (const name of namesOf(changed)) values[name] = readOne(descriptor, name);

  const notApplied = unmetBy(values, wishes);
  const broken = notApplied.filter((name) => isPromise(name, wishes) && name in changed);
  if (broken.length > 0) giveUp(notHeld(broken, values, context));
  return statusOf(values, { source: "kernel", route: "ffi", notApplied }, timersOf(reach, context));
}

/** Undoes in reverse. What fails here had been set a moment ago, and nobody could do better. */
function putBack(descriptor: Descriptor, changed: KernelValues): void {
  for (const name of namesOf(changed).reverse()) {
    const old = changed[name];
    if (old !== undefined) descriptor.set(name, old);
  }
}

function namesOf(values: KernelValues): KernelName[] {
  return Object.keys(values) as KernelName[]; // the type has no other keys
}

/** Whether the caller said so, rather than our defaults. Values that were asked for promise the switch too. */
function isPromise(name: KernelName, wishes: Wishes): boolean {
  if (wishes.report) return false;
  if (name !== "SO_KEEPALIVE") return wishes.options[name].explicit;
  return Object.values(wishes.options).some(({ kind, explicit }) => kind === "set" && explicit);
}

function refusal(name: KernelName, errno: number, means: Means, context: ErrorContext): Error {
  if (!isMissing(errno, context)) return failure(errno, context);
  const hint = `the kernel refuses it with ${errnoName(context.os, errno)}; leave it out`;
  return unsupportedOption({ verb: "set", options: [name], where: means.runtime, hint }, context);
}

/** A kernel that lacks an option says ENOPROTOOPT; one whose socket is of another kind, EOPNOTSUPP. */
function isMissing(errno: number, { os }: ErrorContext): boolean {
  const name = errnoName(os, errno);
  return name === "ENOPROTOOPT" || name === "ENOTSUP" || name === "EOPNOTSUPP";
}

function failure(errno: number, context: ErrorContext): Error {
  const code = isGone(errno, context) ? "ENOTCONN" : codeOfErrno(context.os, errno) ?? "EIO";
  return socketError(code, context, { errno });
}

/** A file descriptor that is no socket, or none at all, is what is left of a closed one. */
export function isGone(errno: number, { os }: ErrorContext): boolean {
  const name = errnoName(os, errno);
  return name === "EBADF" || name === "ENOTSOCK";
}

function notHeld(names: KernelName[], values: KernelValues, context: ErrorContext): Error {
  const found = names.map((name) => `${name} = ${values[name]}`).join(", ");
  return socketError("EIO", context, undefined, `the kernel holds ${found} after another value was set`);
}
