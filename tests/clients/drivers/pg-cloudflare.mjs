import pg from "pg";
import { sha256 } from "./harness.mjs";
import { drive } from "./standard.mjs";

// pg takes pg-cloudflare by itself, which imports `cloudflare:sockets` and begins TLS by startTls().
await drive(async ({ host, port, tls }) => {
  const client = new pg.Client({ host, port, user: "postgres", database: "postgres", ssl: tls });
  await client.connect();
  return {
    async exchange(bytes) {
      const { rows: [row] } = await client.query(
        "select encode(sha256($1::bytea), 'hex') as digest, $1::bytea as back",
        [bytes],
      );
      if (row.digest !== sha256(bytes)) throw new Error("the server got other bytes");
      return row.back;
    },
    close: () => client.end(),
  };
});
