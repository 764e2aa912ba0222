/**
 * `reusePort`: held, or refused; a runtime that does not know it ignores it.
 */
import { assert, assertEquals } from "@std/assert";
import { cases } from "../kit/cases.ts";
import { needsOpening } from "../kit/means.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { listen, type Listener, type ListenOptions } from "../../mod.ts";

/** A listener; `undefined` where the option is refused as it should be. */
async function listenShared(options: ListenOptions): Promise<Listener | undefined> {
  try {
    return await listen({ hostname: "127.0.0.1", reusePort: true, ...options });
  } catch (error) {
    checkSocketError(error, { code: "ENOTSUP", op: "listen" });
  }
}

cases("reusePort", [
  {
    name: "two listeners have one port, or the first is refused",
    needs: needsOpening(),
    run: async ({ defer }) => {
      const first = await listenShared({ port: 0 });
      if (first === undefined) return;
      defer(() => first.close());
      assert(first.address.transport === "tcp");
      const second = await listenShared({ port: first.address.port });
      assert(second, "only the second is refused");
      defer(() => second.close());
      assertEquals(second.address, first.address);
    },
  },
]);
