/** The option numbers, as data. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { GENERIC_LINUX_ARCHS, osName, sockoptNumbers, SOCKOPTS } from "../../core/tables/sockopt.ts";

/** Written from the systems' own headers: level, idle, interval, count, user timeout. */
const LITERAL: Record<string, [number, number, number, number, number, number | undefined]> = {
  linux: [1, 9, 4, 5, 6, 18],
  darwin: [0xffff, 8, 0x10, 0x101, 0x102, undefined],
  freebsd: [0xffff, 8, 0x100, 0x200, 0x400, undefined],
  netbsd: [0xffff, 8, 3, 5, 6, undefined],
  dragonfly: [0xffff, 8, 0x100, 0x200, 0x400, undefined],
  illumos: [0xffff, 8, 0x22, 0x24, 0x23, undefined],
  aix: [0xffff, 8, 0x11, 0x12, 0x13, undefined],
  windows: [0xffff, 8, 3, 17, 16, undefined],
};

for (const [os, [level, keepAlive, idle, interval, count, userTimeout]] of Object.entries(LITERAL)) {
  test(`sockopt: ${os} has its own numbers`, () => {
    const numbers = sockoptNumbers(os, "x64")!;
    assertEquals([numbers.SO_KEEPALIVE?.level, numbers.SO_KEEPALIVE?.name], [level, keepAlive]);
    assertEquals([numbers.TCP_KEEPIDLE?.level, numbers.TCP_KEEPIDLE?.name], [6, idle]);
    assertEquals([numbers.TCP_KEEPINTVL?.level, numbers.TCP_KEEPINTVL?.name], [6, interval]);
    assertEquals([numbers.TCP_KEEPCNT?.level, numbers.TCP_KEEPCNT?.name], [6, count]);
    assertEquals(numbers.TCP_USER_TIMEOUT?.name, userTimeout);
    assertEquals(
      [numbers.TCP_KEEPIDLE?.unit, numbers.TCP_KEEPINTVL?.unit, numbers.TCP_KEEPCNT?.unit],
      ["s", "s", "probes"],
    );
  });
}

test("sockopt: linux has what an adapter reads, and the user timeout in milliseconds", () => {
  const numbers = sockoptNumbers("linux", "arm64")!;
  assertEquals([numbers.TCP_INFO?.level, numbers.TCP_INFO?.name], [6, 11]);
  assertEquals([numbers.SO_COOKIE?.level, numbers.SO_COOKIE?.name], [1, 57]);
  assertEquals([numbers.SO_ACCEPTCONN?.level, numbers.SO_ACCEPTCONN?.name], [1, 30]);
  assertEquals([numbers.TCP_NODELAY?.level, numbers.TCP_NODELAY?.name], [6, 1]);
  assertEquals(numbers.TCP_USER_TIMEOUT?.unit, "ms");
});

test("sockopt: darwin's TCP_INFO is TCP_CONNECTION_INFO, and no other system has one", () => {
  assertEquals([SOCKOPTS.darwin.TCP_INFO?.level, SOCKOPTS.darwin.TCP_INFO?.name], [6, 0x106]);
  const systems = Object.keys(SOCKOPTS).filter((os) => SOCKOPTS[os].TCP_INFO);
  assertEquals(systems, ["linux", "darwin"]);
});

test("sockopt: only the tables' systems have numbers", () => {
  assertEquals(Object.keys(SOCKOPTS).sort(), [...Object.keys(LITERAL), "openbsd"].sort());
  assertEquals(sockoptNumbers("openbsd", "x64"), {});
  for (const os of ["sunos", "solaris", "android", "haiku", "plan9", "", "Linux", "toString", "__proto__"]) {
    assertEquals(sockoptNumbers(os, "x64"), undefined, os);
  }
});

test("sockopt: linux has no numbers where the architecture has others, or is not known", () => {
  for (const arch of ["mips", "mipsel", "mips64", "sparc64", "parisc", "alpha", "", "vax", "toString"]) {
    assertEquals(sockoptNumbers("linux", arch), undefined, arch);
  }
  for (const arch of ["x64", "x86_64", "arm64", "aarch64", "arm", "riscv64"]) {
    assertEquals(sockoptNumbers("linux", arch)?.SO_KEEPALIVE?.name, 9, arch);
  }
});

test("sockopt: every row has a link", () => {
  for (const numbers of Object.values(SOCKOPTS)) {
    for (const { source } of Object.values(numbers)) assert(/^https:\/\/\S+#L\d+$/.test(source), source);
  }
  for (const source of Object.values(GENERIC_LINUX_ARCHS)) assert(source.startsWith("https://"), source);
});

test("sockopt: one name per system", () => {
  assertEquals(["win32", "windows", "linux", "darwin", "sunos"].map(osName), [
    "windows",
    "windows",
    "linux",
    "darwin",
    "sunos",
  ]);
});
