/** `keepwire/sockets` inside workerd: over workerd's own `cloudflare:sockets`, and not over itself. */
import { assertEquals } from "@std/assert";
import { type ErrorFacts, insideCases, type InsideContext, step } from "./library.ts";

insideCases("workerd keepwire/sockets", [
  { name: "bytes both ways, and the ends", run: roundTrip },
  { name: "keepAlive is refused before anything is opened", run: refusesKeepAlive },
]);

async function roundTrip({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const working = workerd.run(
    step(`
      const socket = modules.sockets.connect({ hostname: "127.0.0.1", port: arg });
      const { remoteAddress } = await socket.opened;
      const writer = socket.writable.getWriter();
      await writer.write(bytes("hello"));
      const reader = socket.readable.getReader();
      const { value } = await reader.read();
      const { done } = await reader.read();
      await socket.closed;
      return [remoteAddress, text(value), done, typeof socket.startTls];`),
    at.port,
  );
  const far = await at.accept();
  assertEquals(await far.readText(5), "hello");
  await far.write("world");
  await far.shutdown();
  assertEquals(await far.waitForEnd(), "fin");
  assertEquals<unknown>(await working, [`127.0.0.1:${at.port}`, "world", true, "function"]);
}

async function refusesKeepAlive({ workerd, peer }: InsideContext): Promise<void> {
  const { port } = await peer.listen();
  const error = await workerd.run<unknown, ErrorFacts>(
    step(`
      const address = { hostname: "127.0.0.1", port: arg };
      return await failure(() => modules.sockets.connect(address, { keepAlive: { idle: 1_000 } }).opened);`),
    port,
  );
  assertEquals([error.code, error.options], ["ENOTSUP", ["TCP_KEEPIDLE"]]);
  assertEquals(await peer.accepted(), 0);
}
