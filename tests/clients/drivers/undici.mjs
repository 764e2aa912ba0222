import { connect as tlsConnect } from "node:tls";
import process from "node:process";
import { drive } from "./harness.mjs";

// The current major version needs a newer Node. By this path, because Bun has a module of its own under the bare name.
const [major] = process.versions.node.split(".");
const { default: undici } = await import(
  Number(major) < 22 ? "../node_modules/undici7/index.js" : "../node_modules/undici/index.js"
);

await drive(async ({ host, port, ca, tls, dial }) => {
  const client = new undici.Client(`${tls ? "https" : "http"}://${host}:${port}`, {
    connect: (_options, callback) => {
      const socket = dial({ hostname: host, port });
      const secured = tls ? tlsConnect({ socket, ca, host, ALPNProtocols: ["http/1.1"] }) : socket;
      secured.once(tls ? "secureConnect" : "connect", () => callback(null, secured));
      secured.once("error", (error) => callback(error, null));
    },
  });
  const request = async (method, path, body) => {
    const response = await client.request({ method, path, body });
    return Buffer.from(await response.body.arrayBuffer());
  };
  const told = JSON.parse(await request("GET", "/who"));
  return {
    told: () => told,
    exchange: (bytes) => request("POST", "/echo", bytes),
    close: () => client.close(),
  };
});
