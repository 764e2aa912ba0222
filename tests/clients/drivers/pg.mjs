import pg from "pg";
import { drive, sha256 } from "./harness.mjs";

// The client calls connect(port, host) of the stream itself.
await drive(async ({ host, port, ca, tls, dial }) => {
  const client = new pg.Client({
    host,
    port,
    user: "postgres",
    database: "postgres",
    ssl: tls ? { ca } : false,
    keepAlive: true,
    keepAliveInitialDelayMillis: 45_000,
    stream: () => dial({}),
  });
  await client.connect();
  return {
    async exchange(bytes) {
      const { rows } = await client.query(
        "select encode(sha256($1::bytea), 'hex') as digest, $1::bytea as back",
        [
          bytes,
        ],
      );
      if (rows[0].digest !== sha256(bytes)) throw new Error("the server got other bytes");
      return rows[0].back;
    },
    close: () => client.end(),
  };
});
