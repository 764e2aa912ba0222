import postgres from "postgres";
import { drive, sha256 } from "./harness.mjs";

await drive(async ({ host, port, ca, tls, dial }) => {
  const sql = postgres({
    host,
    port,
    user: "postgres",
    database: "postgres",
    max: 1,
    ssl: tls ? { ca } : false,
    // An option that its documentation does not name: a socket that is connected.
    socket: () =>
      new Promise((resolve, reject) => {
        const stream = dial({ hostname: host, port });
        stream.once("connect", () => resolve(stream)).once("error", reject);
      }),
  });
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
