/**
 * Checks the shape of the sources: imports (of types too) point one way between layers and make no cycles, files lie
 * where they may and have telling names, nothing is exported by default, no file grows past its limit.
 * Usage: check-layers.ts [FOLDER]   the repository by default
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(process.argv[2] ?? join(import.meta.dirname, ".."));

/** What each layer may import, besides itself. */
const LAYERS: Record<string, readonly string[]> = {
  base: [],
  crypto: ["base"],
  columns: ["base", "crypto"],
  spec: ["base", "crypto", "columns"],
  db: ["base", "crypto", "columns", "spec"],
  network: ["base", "crypto", "spec"],
  validator: ["base", "crypto", "spec", "db"],
  chain: ["base", "crypto", "columns", "spec", "db"],
  sync: ["base", "crypto", "columns", "spec", "db", "chain"],
  // Of the validator only the interface that its two kinds of beacon API implement.
  api: ["base", "crypto", "columns", "spec", "db", "validator", "chain", "sync"],
  status: ["base", "crypto", "columns", "spec", "db", "chain", "sync", "api"],
  cli: ["base", "crypto", "columns", "spec", "db", "network", "validator", "chain", "sync", "api", "status"],
  // The one file above the layers.
  "main.ts": ["base", "cli"],
};

/** What browsers are given as it is. */
const PAGES = "src/status/web/";
const MAX_LINES = 500;
/** Longer files that are one table, with what the table is. */
const TABLES: Record<string, string> = {
  "src/spec/containers.ts": "the containers of every fork",
};
const FORBIDDEN_NAMES = ["index.ts", "utils.ts", "types.ts", "util.ts", "helpers.ts"];
/** Packages that only one layer may import. */
const PACKAGES: Record<string, string> = { "c-kzg": "crypto" };
const TEST_PACKAGES = /^@lodestar\/|^@chainsafe\/blst/;
/** The modules of Node.js that spec/, the law, imports all the same, by file, with what for. */
const IMPURE: Record<string, string> = {
  "src/spec/fork-choice/root-index.ts node:crypto": "a random key, so that nobody can choose colliding roots",
};

const problems: string[] = [];
const sources = ["src", "test", "bench", "scripts"].flatMap((folder) => listSources(join(ROOT, folder)));
const imports = new Map<string, string[]>();
for (const file of sources) checkFile(file);
for (const cycle of findCycles()) problems.push(`import cycle: ${cycle.join(" -> ")}`);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`Layers: ${sources.length} files, one way, no cycles.`);

function listSources(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && /\.(ts|mts|cts|js|mjs|cjs)$/.test(entry.name));
  return files.map((entry) => relative(ROOT, join(entry.parentPath, entry.name))).sort();
}

function checkFile(file: string): void {
  const text = readFileSync(join(ROOT, file), "utf8");
  checkPlace(file);
  const lines = text.split("\n").length - 1;
  if (lines > MAX_LINES && !Object.hasOwn(TABLES, file)) problems.push(`${file}: ${lines} lines, at most ${MAX_LINES}`);
  if (/^export default|^export \{[^}]*\bas default\b/m.test(text)) problems.push(`${file}: default export`);
  const found = importsOf(text);
  const local = found.filter((name) => name.startsWith("."));
  imports.set(
    file,
    local.map((name) => relative(ROOT, resolve(ROOT, dirname(file), name))),
  );
  if (!file.startsWith("src/")) return;
  for (const name of found) checkImport(file, name);
}

function checkPlace(file: string): void {
  const parts = file.split("/");
  if (FORBIDDEN_NAMES.includes(parts.at(-1)!)) problems.push(`${file}: a name that says nothing`);
  if (parts[0] !== "src") return;
  if (parts.length > 4) problems.push(`${file}: deeper than src/a/b/c.ts`);
  if (!Object.hasOwn(LAYERS, parts[1]!)) problems.push(`${file}: ${parts[1]} is no layer`);
  if (!file.endsWith(".ts") && !file.startsWith(PAGES)) problems.push(`${file}: sources are TypeScript`);
}

/** Module names of import and export statements and of import() with a literal, comments left out. */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const names: string[] = [];
  for (const match of code.matchAll(/^(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm)) names.push(match[1]!);
  for (const match of code.matchAll(/^import\s*["']([^"']+)["']/gm)) names.push(match[1]!);
  for (const match of code.matchAll(/\bimport\(\s*["']([^"']+)["']/g)) names.push(match[1]!);
  return names;
}

function checkImport(file: string, name: string): void {
  const layer = layerOf(file);
  if (name.startsWith(".")) {
    const target = relative(ROOT, resolve(ROOT, dirname(file), name));
    if (!target.startsWith("src/")) problems.push(`${file}: imports ${target}, outside src`);
    else if (layerOf(target) !== layer && !LAYERS[layer]?.includes(layerOf(target)))
      problems.push(`${file}: ${layer} may not import ${target}`);
    return;
  }
  if (TEST_PACKAGES.test(name)) problems.push(`${file}: ${name} is for tests and benchmarks`);
  const owner = PACKAGES[name];
  if (owner !== undefined && owner !== layer) problems.push(`${file}: only ${owner} may import ${name}`);
  if (layer === "spec" && name.startsWith("node:") && !Object.hasOwn(IMPURE, `${file} ${name}`))
    problems.push(`${file}: spec is pure and may not import ${name}`);
}

function layerOf(file: string): string {
  return file.split("/")[1]!;
}

function findCycles(): string[][] {
  const done = new Set<string>();
  const path: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      cycles.push([...path.slice(at), file]);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of imports.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
  return cycles;
}
