import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { readJunit } from "../../scripts/junit.ts";

// Cut from what the three runners wrote for the same file.
const DENO = `<testsuites name="deno test" tests="6">
  <testsuite name="./a_test.ts" tests="5">
    <testcase name="one passes" classname="./a_test.ts" time="0.001" line="2" col="1">
    </testcase>
    <testcase name="three" classname="./a_test.ts"><skipped/></testcase>
    <testcase name="five" classname="./a_test.ts">
      <failure message="1 test step failed">1 test step failed.</failure>
    </testcase>
    <testcase name="five &gt; sub a" classname="./a_test.ts"></testcase>
    <testcase name="five &gt; sub c" classname="./a_test.ts">
      <failure message="Uncaught Error: c">Error: c &lt;&quot;</failure>
    </testcase>
    <testcase name="suite" classname="./a_test.ts"></testcase>
    <testcase name="suite &gt; in suite" classname="ext:x"></testcase>
  </testsuite>
</testsuites>`;

const NODE = `<testsuites>
	<testcase name="one > passes" time="0.0006" classname="test"/>
	<testcase name="two" time="0.0001" classname="test" failure="boom &lt;>">
		<failure type="testCodeFailure" message="boom &lt;>">
[Error]: boom &lt;>
		</failure>
	</testcase>
	<testcase name="three" time="0.00006" classname="test">
		<skipped type="skipped" message="needs TCP_USER_TIMEOUT &amp; ffi"/>
	</testcase>
	<testsuite name="suite" tests="1"><testcase name="in suite" time="0" classname="test"/></testsuite>
	<!-- tests 11 -->
</testsuites>`;

const BUN = `<testsuites name="bun test"><testsuite name="a_test.mjs">
    <testcase name="one passes" classname="" time="0.001" assertions="0" />
    <testcase name="two" classname=""><failure type="AssertionError" /></testcase>
    <testcase name="three" classname=""><skipped /></testcase>
</testsuite></testsuites>`;

test("junit: Deno's steps are counted once", () => {
  assertEquals(readJunit(DENO, "x\n# SKIP three # needs koffi\n"), {
    passed: 3,
    failures: [{ name: "five > sub c", text: 'Error: c <"' }],
    skips: [{ name: "three", reason: "needs koffi" }],
  });
});

test("junit: Node's suites and reasons", () => {
  assertEquals(readJunit(NODE), {
    passed: 2,
    failures: [{ name: "two", text: "\n[Error]: boom <>\n\t\t" }],
    skips: [{ name: "three", reason: "needs TCP_USER_TIMEOUT & ffi" }],
  });
});

test("junit: Bun's cases without a text", () => {
  assertEquals(readJunit(BUN), {
    passed: 1,
    failures: [{ name: "two", text: "" }],
    skips: [{ name: "three", reason: "" }],
  });
});

test("junit: a report that breaks off counts what it has", () => {
  assertEquals(readJunit(NODE.slice(0, 120)).passed, 1);
});
