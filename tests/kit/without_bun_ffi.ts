/**
 * To be loaded first on Bun (`--preload`): a Bun without `bun:ffi`, as where
 * it cannot load the C library.
 *
 * @module
 */
import process from "node:process";

const { getBuiltinModule } = process as { getBuiltinModule: (id: string) => unknown };

Object.assign(process, {
  getBuiltinModule: (id: string) => id === "bun:ffi" ? undefined : getBuiltinModule.call(process, id),
});
