/**
 * The few functions of the C library that keepwire calls by FFI, and how each
 * runtime's `sockopt.ts` binds them. All are synchronous, and none blocks.
 *
 * @module
 */

/** A failing call gives the errno negated, as the kernel does. */
export interface Libc {
  /** Gives the value of an option that is an `int`; none of ours is negative. */
  getInt(fd: number, level: number, name: number): number;
  /** Sets an option that is an `int`. */
  setInt(fd: number, level: number, name: number, value: number): number;
  /** Gives the length of the value. */
  getsockopt(
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
  ): number;
  /** Gives the length of the address. */
  getsockname(fd: number, address: Uint8Array): number;
  /** Gives the length of the address. */
  getpeername(fd: number, address: Uint8Array): number;
  /** Gives the file descriptor. */
  socket(family: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array): number;
  listen(fd: number, backlog: number): number;
  shutdown(fd: number, how: number): number;
  /** Bytes that are written and not acknowledged, a FIN counted as one (Linux). */
  unacknowledged(fd: number): number;
  /** Sends no byte with MSG_NOSIGNAL: gives 0, or the error the socket died of, which is taken from it. */
  sendNothing(fd: number): number;
  /** `fds` is an array of `struct pollfd`; never waits. Gives the number of entries with events. */
  poll(fds: Uint8Array, count: number): number;
  dup(fd: number): number;
  close(fd: number): number;
  /** The errno of a call that the runtime itself has just made. */
  errno(): number;
}

/** The type of a C argument; `pointer` is the memory of a typed array. */
export type CType = "i32" | "u32" | "usize" | "pointer";

/**
 * The C functions by their arguments; each gives an `int` (of the `ssize_t` of
 * send(2) the lower half, where -1 is -1 too).
 */
export const SIGNATURES = {
  getsockopt: ["i32", "i32", "i32", "pointer", "pointer"],
  setsockopt: ["i32", "i32", "i32", "pointer", "u32"],
  getsockname: ["i32", "pointer", "pointer"],
  getpeername: ["i32", "pointer", "pointer"],
  socket: ["i32", "i32", "i32"],
  connect: ["i32", "pointer", "u32"],
  listen: ["i32", "i32"],
  ioctl: ["i32", "usize", "pointer"],
  shutdown: ["i32", "i32"],
  send: ["i32", "pointer", "usize", "i32"],
  poll: ["pointer", "usize", "i32"],
  dup: ["i32"],
  close: ["i32"],
} as const satisfies Record<string, readonly CType[]>;

/** The name of a bound function. */
export type CFunction = keyof typeof SIGNATURES;

/** The functions as an FFI hands them out. */
export type CFunctions = Record<CFunction, (...args: unknown[]) => number>;

/** What an FFI needs to say besides its functions. */
export interface Binding {
  functions: CFunctions;
  /** The errno of the call that has just failed. */
  errno(): number;
  /** What stands for the memory of an array in a call; the array itself where not given. */
  pointer?(memory: ArrayBufferView): unknown;
  /** What stands for a `size_t`; the number itself where not given. */
  size?(value: number): unknown;
}

/** The function that tells where errno is, by OS: `errno` is a macro over it in each `errno.h`. */
export const ERRNO_LOCATION: Readonly<Record<string, string>> = {
  linux: "__errno_location",
  android: "__errno",
  darwin: "__error",
  freebsd: "__error",
};

/** The file of the C library, by OS, for those FFIs that have to name it; bare names are found by the loader. */
export function libraryNames(os: string, arch: string): string[] {
  const machine = { x64: "x86_64", arm64: "aarch64" }[arch] ?? arch;
  switch (os) {
    case "linux":
      return [
        "libc.so.6",
        `libc.musl-${machine}.so.1`,
        `/lib/${machine}-linux-gnu/libc.so.6`,
        `/usr/lib/${machine}-linux-gnu/libc.so.6`,
        "/lib64/libc.so.6",
        "/usr/lib64/libc.so.6",
        "/usr/lib/libc.so.6",
        `/lib/libc.musl-${machine}.so.1`,
      ];
    case "android":
      return ["libc.so"];
    case "darwin":
      return ["libSystem.B.dylib", "/usr/lib/libSystem.B.dylib"];
    case "freebsd":
      return ["libc.so.7", "/lib/libc.so.7"];
    default:
      return [];
  }
}

/** MSG_NOSIGNAL by OS (`sys/socket.h`). macOS has none, and no runtime lets SIGPIPE kill it. */
const NO_SIGNAL: Readonly<Record<string, number>> = {
  linux: 0x4000,
  android: 0x4000,
  freebsd: 0x20000,
};

/**
 * SIOCOUTQ: `include/uapi/linux/sockios.h` and `asm-generic/ioctls.h` at v6.12,
 * for the processors that have the generic numbers.
 */
const SIOCOUTQ = 0x5411;

/** Makes a {@link Libc} of what an FFI hands out. */
export function bindLibc(binding: Binding, os: string): Libc {
  return new BoundLibc(binding, os);
}

class BoundLibc implements Libc {
  readonly #c: CFunctions;
  readonly #errno: () => number;
  readonly #pointer: (memory: ArrayBufferView) => unknown;
  readonly #size: (value: number) => unknown;
  readonly #noSignal: number;
  // Memory of their own: a small typed array lives in the heap and may move.
  readonly #int = new Int32Array(new ArrayBuffer(4));
  readonly #length = new Uint32Array(new ArrayBuffer(4));
  readonly #intPointer: unknown;
  readonly #lengthPointer: unknown;

  constructor({ functions, errno, pointer, size }: Binding, os: string) {
    this.#c = functions;
    this.#errno = errno;
    this.#pointer = pointer ?? ((memory) => memory);
    this.#size = size ?? ((value) => value);
    this.#noSignal = NO_SIGNAL[os] ?? 0;
    this.#intPointer = this.#pointer(this.#int);
    this.#lengthPointer = this.#pointer(this.#length);
  }

  getInt(fd: number, level: number, name: number): number {
    this.#length[0] = 4;
    const result = this.#c.getsockopt(fd, level, name, this.#intPointer, this.#lengthPointer);
    return result < 0 ? -this.#errno() : this.#int[0];
  }

  setInt(fd: number, level: number, name: number, value: number): number {
    this.#int[0] = value;
    return this.#result(this.#c.setsockopt(fd, level, name, this.#intPointer, 4));
  }

  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
    this.#length[0] = value.length;
    const memory = this.#pointer(value);
    return this.#lengthOr(this.#c.getsockopt(fd, level, name, memory, this.#lengthPointer));
  }

  getsockname(fd: number, address: Uint8Array): number {
    this.#length[0] = address.length;
    return this.#lengthOr(this.#c.getsockname(fd, this.#pointer(address), this.#lengthPointer));
  }

  getpeername(fd: number, address: Uint8Array): number {
    this.#length[0] = address.length;
    return this.#lengthOr(this.#c.getpeername(fd, this.#pointer(address), this.#lengthPointer));
  }

  socket(family: number, type: number, protocol: number): number {
    return this.#result(this.#c.socket(family, type, protocol));
  }

  connect(fd: number, address: Uint8Array): number {
    return this.#result(this.#c.connect(fd, this.#pointer(address), address.length));
  }

  listen(fd: number, backlog: number): number {
    return this.#result(this.#c.listen(fd, backlog));
  }

  shutdown(fd: number, how: number): number {
    return this.#result(this.#c.shutdown(fd, how));
  }

  unacknowledged(fd: number): number {
    const result = this.#c.ioctl(fd, this.#size(SIOCOUTQ), this.#intPointer);
    return result < 0 ? -this.#errno() : this.#int[0];
  }

  sendNothing(fd: number): number {
    return this.#result(this.#c.send(fd, this.#intPointer, this.#size(0), this.#noSignal));
  }

  poll(fds: Uint8Array, count: number): number {
    return this.#result(this.#c.poll(this.#pointer(fds), this.#size(count), 0));
  }

  dup(fd: number): number {
    return this.#result(this.#c.dup(fd));
  }

  close(fd: number): number {
    return this.#result(this.#c.close(fd));
  }

  errno(): number {
    return this.#errno();
  }

  #result(value: number): number {
    return value < 0 ? -this.#errno() : value;
  }

  #lengthOr(value: number): number {
    return value < 0 ? -this.#errno() : this.#length[0];
  }
}
