/**
 * The standard `connect` on sockets with TLS: each requirement of the
 * checklist.
 *
 * @module
 */
import { assert } from "@std/assert";
import { capabilities } from "../../mod.ts";
import { type Case, cases } from "../kit/cases.ts";
import { needsOpening } from "../kit/means.ts";
import { TlsFarEnds } from "../kit/tls_far_end.ts";
import { openTlsFarEnd } from "./sockets_far_end.ts";
import { runRow } from "./sockets_run.ts";
import { TLS_ROWS } from "./sockets_tls_rows.ts";

const needsTls = { capability: "tls.client", available: capabilities().tls.client };

let farEnds: TlsFarEnds | undefined;
let authority = "";

const rows: Case[] = TLS_ROWS.map((row) => ({
  name: row.name,
  needs: [needsOpening(), needsTls],
  run: async (context) => {
    const farEnd = await openTlsFarEnd(farEnds!, context.peer, row); // the first case has started them
    await runRow(row, farEnd, context, [authority]);
  },
}));

cases("sockets with TLS", [
  {
    name: "the far ends start",
    // Their program is for all cases.
    fds: false,
    run: async () => {
      farEnds = new TlsFarEnds();
      authority = await farEnds.authority();
      assert(authority.includes("BEGIN CERTIFICATE"), authority);
    },
  },
  ...rows,
]);
