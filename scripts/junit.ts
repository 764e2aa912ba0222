/**
 * Reads the JUnit reports that Deno, Node and Bun write, which differ: Deno
 * lists a case's steps beside the case, Node and Bun nest suites; Deno and Bun
 * leave out why a case was skipped.
 *
 * @module
 */

/** What one process of tests came to. */
export interface Report {
  passed: number;
  failures: { name: string; text: string }[];
  skips: { name: string; reason: string }[];
}

/** The report of one case, for a command that is no test runner. */
export function oneCase(name: string, failure?: string): Report {
  return failure === undefined
    ? { passed: 1, failures: [], skips: [] }
    : { passed: 0, failures: [{ name, text: failure }], skips: [] };
}

// Attribute lists are matched quote by quote: Node leaves ">" unescaped inside of them.
const TESTCASE = /<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;
const FAILURE = /<(?:failure|error)\b((?:[^>"]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/;

interface TestCase {
  name: string;
  body: string;
}

/**
 * Reads a report. `output` is what the process printed: a line `# SKIP name # reason`
 * in it gives the reason that the report does not carry.
 */
export function readJunit(xml: string, output = ""): Report {
  const cases = testCases(xml);
  const report: Report = { passed: 0, failures: [], skips: [] };
  for (const { name, body } of cases) {
    const failure = FAILURE.exec(body);
    // Deno counts a case with steps as one more case, and fails it again for each step that fails.
    const hasSteps = cases.some((other) => other.name.startsWith(`${name} > `));
    if (
      hasSteps &&
      (failure === null || /message="\d+ test steps? failed"/.test(failure[1]))
    ) continue;
    const skipped = /<skipped\b([^>]*)/.exec(body);
    if (failure !== null) {
      report.failures.push({
        name,
        text: unescape(failure[2] ?? attribute(failure[1], "message") ?? ""),
      });
    } else if (skipped !== null) {
      const reason = attribute(skipped[1], "message") ??
        reasonPrinted(output, name);
      report.skips.push({ name, reason: reason ?? "" });
    } else {
      report.passed++;
    }
  }
  return report;
}

function testCases(xml: string): TestCase[] {
  const found: TestCase[] = [];
  for (const [, attributes, body = ""] of xml.matchAll(TESTCASE)) {
    found.push({ name: attribute(attributes, "name") ?? "", body });
  }
  return found;
}

function attribute(attributes: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes);
  return found === null ? undefined : unescape(found[1]);
}

function reasonPrinted(output: string, name: string): string | undefined {
  const last = name.split(" > ").at(-1)!;
  for (const line of output.split("\n")) {
    const start = line.indexOf(`# SKIP ${last} # `);
    if (start >= 0) {
      return line.slice(start + `# SKIP ${last} # `.length).trim();
    }
  }
}

const ENTITIES: Record<string, string> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

function unescape(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi,
    (whole, decimal, hex, name) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
      return ENTITIES[name] ?? whole;
    },
  );
}
