import postgres from "postgres";
import { sha256 } from "./harness.mjs";
import { drive } from "./standard.mjs";

// Its build for Workers imports `cloudflare:sockets`, and begins TLS by startTls().
await drive(async ({ host, port, tls }) => {
  const sql = postgres({ host, port, user: "postgres", database: "postgres", max: 1, ssl: tls });
  await sql`select 1`;
  return {
    async exchange(bytes) {
      const [row] =
        await sql`select encode(sha256(${bytes}::bytea), 'hex') as digest, ${bytes}::bytea as back`;
      if (row.digest !== sha256(bytes)) throw new Error("the server got other bytes");
      return row.back;
    },
    close: () => sql.end(),
  };
});
