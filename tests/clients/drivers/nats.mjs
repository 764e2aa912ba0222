import { NatsConnectionImpl, setTransportFactory } from "@nats-io/nats-core/internal";
import transport from "@nats-io/transport-node/lib/node_transport.js";
import { drive } from "./harness.mjs";

await drive(async ({ host, port, ca, tls, dial }) => {
  // The client's own transport for Node, but for who dials.
  class Transport extends transport.NodeTransport {
    dial(target) {
      return new Promise((resolve, reject) => {
        const stream = dial({ hostname: target.hostname, port: target.port });
        stream.once("connect", () => {
          stream.removeAllListeners();
          resolve(stream);
        });
        stream.once("error", reject);
      });
    }
  }
  setTransportFactory({ factory: () => new Transport(), dnsResolveFn: transport.nodeResolveHost });
  const connection = await NatsConnectionImpl.connect({
    servers: `${host}:${port}`,
    reconnect: false,
    tls: tls ? { ca } : null,
  });
  return {
    async exchange(bytes) {
      const inbox = connection.subscribe("keepwire", { max: 1 });
      connection.publish("keepwire", bytes);
      for await (const { data } of inbox) return data;
    },
    close: () => connection.close(),
  };
});
