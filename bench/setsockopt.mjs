// setsockopt(2) by hand, as one would write it for one runtime: Linux's numbers, no reading back, no way to undo.
import process from "node:process";

/** Level, name and value of the four options, twice, so that each call changes something. */
export const FOUR = [[10, 5, 3, 20_000], [11, 6, 4, 21_000]];
const NAMES = [4, 5, 6, 18]; // TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT
const IPPROTO_TCP = 6;

/** `(fd, values) => void` on Node: by node:ffi, else by koffi. */
export function openSetsockopt(require) {
  const value = new Int32Array(new ArrayBuffer(4));
  const ffi = process.getBuiltinModule("node:ffi");
  if (ffi) {
    const { functions } = ffi.dlopen(null, {
      setsockopt: { arguments: ["i32", "i32", "i32", "pointer", "u32"], return: "i32" },
    });
    const pointer = ffi.getRawPointer(value);
    return setter((fd, name) => functions.setsockopt(fd, IPPROTO_TCP, name, pointer, 4), value);
  }
  const call = require("koffi").load(null).func("int setsockopt(int, int, int, void *, unsigned int)");
  return setter((fd, name) => call(fd, IPPROTO_TCP, name, value, 4), value);
}

/** Sets the four through `call`, which passes `value` by its memory. */
export function setter(call, value) {
  return (fd, values) => {
    for (let i = 0; i < 4; i++) {
      value[0] = values[i];
      if (call(fd, NAMES[i]) !== 0) throw new Error("setsockopt failed");
    }
  };
}
