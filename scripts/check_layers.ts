/**
 * Holds the rules of the house over all shipped files, and fails with
 * `file:line: message`:
 *
 * - imports run one way: doors, adapters, core, core/tables; no adapter imports
 *   another, `adapters/shared` is open to all of them, `select.ts` names all
 * - only relative `.ts` paths, and types of `node:`: a URL import must work, and
 *   importing must load nothing
 * - `Deno`, `Bun` and `process` are named only under `adapters/`
 * - no top-level await (CommonJS has none), no file over 350 lines
 *
 * @module
 */

import { dirname, join, normalize, relative } from "node:path";
import { loadTypeScript, type TypeScript } from "./typescript.ts";

const LONGEST = 350;
const HOSTS = new Set(["Deno", "Bun", "process"]);
const ts = loadTypeScript();

/** Where a file stands, by its path in the repo; `undefined` for what is not shipped. */
type Layer =
  | "door"
  | "select"
  | "shared"
  | `adapter ${string}`
  | "core"
  | "tables";

/** Checks the tree under `root` and returns the violations, one line each. */
export async function checkLayers(root: string): Promise<string[]> {
  const violations: string[] = [];
  for (const path of await shippedFiles(root)) {
    const text = await Deno.readTextFile(join(root, path));
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const at = (node: TypeScript, message: string) => {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      violations.push(`${path}:${line + 1}: ${message}`);
    };
    const lines = text.trimEnd().split("\n").length;
    if (lines > LONGEST) {
      violations.push(
        `${path}:${LONGEST + 1}: ${lines} lines, at most ${LONGEST}`,
      );
    }
    if (layerOf(path) === undefined) {
      violations.push(`${path}:1: belongs to no layer`);
    }
    visit(file, path, false, at);
  }
  return violations;
}

function visit(
  node: TypeScript,
  path: string,
  inFunction: boolean,
  at: (node: TypeScript, message: string) => void,
): void {
  const imported = importOf(node);
  if (imported !== undefined) {
    const message = checkImport(path, imported);
    if (message !== undefined) at(node, message);
  }
  if (
    ts.isIdentifier(node) && HOSTS.has(node.text) && isGlobal(node) &&
    !path.startsWith("adapters/")
  ) {
    at(node, `${node.text} is named outside adapters/`);
  }
  const awaits = ts.isAwaitExpression(node) ||
    (ts.isForOfStatement(node) && node.awaitModifier);
  if (awaits && !inFunction) {
    at(node, "top-level await, which CommonJS does not have");
  }
  const inside = inFunction || ts.isFunctionLike(node);
  ts.forEachChild(node, (child: TypeScript) => visit(child, path, inside, at));
}

interface Import {
  specifier: string;
  kind: "value" | "type" | "dynamic";
}

function importOf(node: TypeScript): Import | undefined {
  if (ts.isImportDeclaration(node)) {
    const typeOnly = node.importClause?.isTypeOnly === true;
    return {
      specifier: node.moduleSpecifier.text,
      kind: typeOnly ? "type" : "value",
    };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return {
      specifier: node.moduleSpecifier.text,
      kind: node.isTypeOnly ? "type" : "value",
    };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { specifier: node.argument.literal.text, kind: "type" };
  }
  if (
    ts.isCallExpression(node) &&
    node.expression.kind === ts.SyntaxKind.ImportKeyword
  ) {
    const [argument] = node.arguments;
    return {
      specifier: ts.isStringLiteralLike(argument) ? argument.text : "?",
      kind: "dynamic",
    };
  }
}

function checkImport(
  from: string,
  { specifier, kind }: Import,
): string | undefined {
  if (kind === "dynamic") {
    return `import("${specifier}") loads at run time: use process.getBuiltinModule`;
  }
  if (specifier.startsWith("node:")) {
    return kind === "type"
      ? undefined
      : `imports ${specifier} by value: use import type, and process.getBuiltinModule on first use`;
  }
  if (!/^\.\.?\//.test(specifier) || !specifier.endsWith(".ts")) {
    return `imports "${specifier}": only relative .ts paths and types of node: are allowed`;
  }
  const to = normalize(join(dirname(from), specifier)).replaceAll("\\", "/");
  const [source, target] = [layerOf(from), layerOf(to)];
  if (target === undefined) return `imports ${to}, which is not shipped`;
  if (source !== undefined && !mayImport(source, target)) {
    return `${source} imports ${target} (${to})`;
  }
}

function mayImport(from: Layer, to: Layer): boolean {
  if (from === to) return true;
  switch (to) {
    case "tables":
      return true;
    case "core":
      return from !== "tables";
    case "shared":
      return from !== "tables" && from !== "core";
    case "door":
      return false;
    case "select":
      return from === "door";
    default:
      return from === "door" || from === "select";
  }
}

function layerOf(path: string): Layer | undefined {
  const [first, second, third] = path.split("/");
  if (second === undefined) return first.endsWith(".ts") ? "door" : undefined;
  if (first === "core") return second === "tables" ? "tables" : "core";
  if (first !== "adapters") return undefined;
  if (third === undefined) return second === "select.ts" ? "select" : undefined;
  return second === "shared" ? "shared" : `adapter ${second}`;
}

/** A global's name is not that of a member (`child.process`), but `globalThis.process` is one. */
function isGlobal(node: TypeScript): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return parent.expression.getText() === "globalThis";
  }
  const isMemberName = ts.isPropertyAssignment(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isMethodDeclaration(parent) || ts.isPropertyDeclaration(parent) ||
    ts.isMethodSignature(parent);
  return !(isMemberName && parent.name === node);
}

async function shippedFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (dir: string, deep: boolean) => {
    for await (const entry of Deno.readDir(dir)) {
      const path = join(dir, entry.name);
      if (entry.isDirectory && deep) await walk(path, deep);
      else if (/\.[cm]?[jt]sx?$/.test(entry.name)) {
        found.push(relative(root, path).replaceAll("\\", "/"));
      }
    }
  };
  await walk(root, false);
  await walk(join(root, "core"), true);
  await walk(join(root, "adapters"), true);
  return found.sort();
}

if (import.meta.main) {
  const violations = await checkLayers(
    decodeURIComponent(new URL("../", import.meta.url).pathname),
  );
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) Deno.exit(1);
}
