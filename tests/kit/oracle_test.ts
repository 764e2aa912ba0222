/**
 * The judge's own test: it sees what plain sockets hold.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Address } from "../../core/types.ts";
import { cases } from "./cases.ts";
import { RequestError } from "./line_process.ts";
import { ODD_VALUES } from "./oracle.ts";
import { ends, plainServer, plainSocket } from "./plain_socket.ts";
import { currentRuntime } from "./runtime.ts";
import { eventually } from "./time.ts";

const runtime = currentRuntime();

cases("oracle", [
  {
    name: "reads what setKeepAlive(true, 7000) left in the kernel",
    run: async ({ oracle, peer, defer }) => {
      const socket = await plainSocket(await peer.listen());
      defer(() => socket.destroy());
      const before = await oracle.keepAliveOf(ends(socket));
      assertEquals(before, {
        enabled: false,
        idle: 7_200_000,
        interval: 75_000,
        count: 9,
        userTimeout: 0,
      });
      socket.setKeepAlive(true, 7000);
      const held = await oracle.keepAliveOf(ends(socket));
      // The runtimes differ in the other two: that is why keepwire exists.
      const forced = runtime.name === "deno" ? [75_000, 9] : [1_000, 10];
      assertEquals(held, {
        enabled: true,
        idle: 7_000,
        interval: forced[0],
        count: forced[1],
        userTimeout: 0,
      });
    },
  },
  {
    name: "presets from outside and reads it back by addresses, text and fd",
    run: async ({ oracle, peer, defer }) => {
      const socket = await plainSocket(await peer.listen());
      defer(() => socket.destroy());
      const set = await oracle.presetOdd(ends(socket));
      const { localPort, remotePort } = socket;
      const read = await oracle.read(
        `127.0.0.1:${localPort}`,
        `127.0.0.1:${remotePort}`,
      );
      assertEquals(read, set);
      assertEquals(await oracle.readFd(read.fd), read);
      const { keepidle, keepintvl, keepcnt, keepalive } = read;
      assertEquals({ keepidle, keepintvl, keepcnt }, { ...ODD_VALUES });
      assertEquals(keepalive, false);
      const target = {
        local: ends(socket).localAddress,
        remote: ends(socket).remoteAddress,
      };
      const more = await oracle.set(target, {
        keepalive: true,
        usertimeout: 12_345,
      });
      assertEquals([more.keepalive, more.usertimeout, more.keepidle], [
        true,
        12_345,
        111,
      ]);
      assertEquals((await oracle.tcpInfo(target)).state, "ESTABLISHED");
    },
  },
  {
    name: "sees the peer's own sockets by its pid",
    run: async ({ oracle, peer, defer }) => {
      const listener = await peer.listen();
      const socket = await plainSocket(listener);
      defer(() => socket.destroy());
      await listener.accept();
      const { localAddress, remoteAddress } = ends(socket);
      const theirs = oracle.of(peer.pid);
      assertEquals(
        (await theirs.read(remoteAddress, localAddress)).listening,
        false,
      );
      assertEquals(
        (await theirs.readListener(listener.address)).state,
        "LISTEN",
      );
    },
  },
  {
    name: "lists accepted, connected and listening sockets, v4-mapped ones as IPv4",
    run: async ({ oracle, peer, defer }) => {
      const server = await plainServer("::");
      defer(() => void server.close());
      const { port } = server.address() as { port: number };
      const four = await peer.connect({ port });
      const six = await peer.connect({ host: "::1", port });
      const found = await eventually(
        async () => {
          const all = (await oracle.all()).filter(({ local }) => local?.endsWith(`:${port}`));
          return all.length === 3 && all;
        },
        3_000,
        "Three sockets of the server",
      );
      const names = (found as {
        listening: boolean;
        local: string | null;
        remote: string | null;
      }[])
        .map(({ listening, local, remote }) => `${listening} ${local} ${remote}`).sort();
      const text = (address: Address) => address.transport === "tcp" ? address.port : 0;
      assertEquals(
        names,
        [
          `false 127.0.0.1:${port} 127.0.0.1:${text(four.local)}`,
          `false [::1]:${port} [::1]:${text(six.local)}`,
          `true [::]:${port} null`,
        ].sort(),
      );
      await Promise.all([four.close(), six.close()]);
    },
  },
  {
    name: "says what it cannot find",
    run: async ({ oracle }) => {
      const error = await assertRejects(
        () => oracle.read("127.0.0.1:1", "127.0.0.1:2"),
        RequestError,
      );
      assertEquals(error.code, "ENOENT");
      const gone = await assertRejects(
        () => oracle.of(2 ** 22 - 1).all(),
        RequestError,
      );
      assertEquals(gone.code, "ESRCH");
    },
  },
  {
    name: "counts fds and measures memory",
    run: async ({ oracle, peer }) => {
      const before = await oracle.countFds();
      const socket = await plainSocket(await peer.listen());
      const during = await oracle.countFds();
      assertEquals([during.tcp, during.sockets], [
        before.tcp + 1,
        before.sockets + 1,
      ]);
      socket.destroy();
      await eventually(
        async () => (await oracle.countFds()).tcp === before.tcp,
        2_000,
        "Closing",
      );
      const sampling = oracle.sampleRss(200);
      const { rss, highWater } = await oracle.rss(true);
      assert(
        rss > 1_000_000 && highWater >= 1_000_000,
        `rss ${rss}, high water ${highWater}`,
      );
      const { low, high } = await sampling;
      assert(low > 1_000_000 && high >= low, `low ${low}, high ${high}`);
    },
  },
]);
