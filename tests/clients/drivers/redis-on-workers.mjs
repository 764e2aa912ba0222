import { createRedis } from "redis-on-workers";
import { drive } from "./standard.mjs";

await drive(async ({ host, port, tls, dial }) => {
  const redis = createRedis({ url: `${tls ? "rediss" : "redis"}://${host}:${port}`, connectFn: dial });
  await redis.send("PING");
  return {
    async exchange(bytes) {
      await redis.send("SET", "keepwire-workers", bytes);
      const back = await redis.sendRaw("GET", "keepwire-workers");
      await redis.send("DEL", "keepwire-workers");
      return back;
    },
    close: () => redis.close(),
  };
});
