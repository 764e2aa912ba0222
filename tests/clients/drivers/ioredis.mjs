import { Redis } from "ioredis";
import module from "ioredis/built/connectors/AbstractConnector.js";
import { connect as tlsConnect } from "node:tls";
import { drive } from "./harness.mjs";

const AbstractConnector = module.default ?? module;

await drive(async ({ host, port, ca, tls, dial }) => {
  class Connector extends AbstractConnector {
    connect() {
      this.connecting = true;
      const socket = dial({ hostname: host, port });
      this.stream = tls ? tlsConnect({ socket, ca, host }) : socket;
      return Promise.resolve(this.stream);
    }
  }
  const redis = new Redis({
    Connector,
    keepAlive: 45_000,
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on("error", (error) => console.error(error));
  await redis.connect();
  return {
    async exchange(bytes) {
      await redis.set("keepwire", bytes);
      const back = await redis.getBuffer("keepwire");
      await redis.del("keepwire");
      return back;
    },
    close: () => redis.quit(),
  };
});
