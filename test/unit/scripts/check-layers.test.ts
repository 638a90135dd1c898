import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";

const SCRIPT = resolve(import.meta.dirname, "../../../scripts/check-layers.ts");

/** Runs the check on a tree of these files. */
function check(files: Record<string, string>): { status: number | null; problems: string } {
  const root = mkdtempSync(join(tmpdir(), "cresset-layers-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const { status, stderr } = spawnSync(process.execPath, [SCRIPT, root], { encoding: "utf8" });
    return { status, problems: stderr };
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("imports down the layers pass", () => {
  const files = {
    "src/base/errors.ts": "export const a = 1;\n",
    "src/spec/block/block.ts": 'import { a } from "../../base/errors.ts";\nexport const b = a;\n',
    "test/unit/block.test.ts": 'import { b } from "../../src/spec/block/block.ts";\nconsole.log(b);\n',
  };
  assert.deepEqual(check(files), { status: 0, problems: "" });
});

const BAD: Record<string, { files: Record<string, string>; problem: RegExp }> = {
  "an import up, of a type": {
    files: { "src/spec/a.ts": "export type A = 1;\n", "src/base/b.ts": 'import type { A } from "../spec/a.ts";\n' },
    problem: /src\/base\/b\.ts: base may not import src\/spec\/a\.ts/,
  },
  "an import over several lines": {
    files: { "src/spec/a.ts": "", "src/base/b.ts": 'import {\n  type A,\n  b,\n} from "../spec/a.ts";\n' },
    problem: /base may not import/,
  },
  "an import at run time": {
    files: { "src/cli/a.ts": "", "src/spec/b.ts": 'export const load = () => import("../cli/a.ts");\n' },
    problem: /spec may not import src\/cli\/a\.ts/,
  },
  "a cycle": {
    files: {
      "src/base/a.ts": 'import "./b.ts";\n',
      "src/base/b.ts": 'import type { C } from "./c.ts";\n',
      "src/base/c.ts": 'export * from "./a.ts";\n',
    },
    problem: /import cycle: src\/base\/a\.ts -> src\/base\/b\.ts -> src\/base\/c\.ts -> src\/base\/a\.ts/,
  },
  "I/O in the law": {
    files: { "src/spec/a.ts": 'import { readFileSync } from "node:fs";\n' },
    problem: /spec is pure and may not import node:fs/,
  },
  "a native library outside crypto": {
    files: { "src/spec/a.ts": 'import kzg from "c-kzg";\n' },
    problem: /only crypto may import c-kzg/,
  },
  "sources that import tests": {
    files: { "test/a.ts": "", "src/base/b.ts": 'import "../../test/a.ts";\n' },
    problem: /outside src/,
  },
  "a test library in the sources": {
    files: { "src/crypto/a.ts": 'import { verify } from "@chainsafe/blst";\n' },
    problem: /for tests and benchmarks/,
  },
  "a barrel": { files: { "src/base/index.ts": "" }, problem: /a name that says nothing/ },
  "a deep file": { files: { "src/spec/a/b/c.ts": "" }, problem: /deeper than/ },
  "a folder that is no layer": { files: { "src/misc/a.ts": "" }, problem: /misc is no layer/ },
  "a default export": { files: { "src/base/a.ts": "export default 1;\n" }, problem: /default export/ },
  "a long file": { files: { "src/base/a.ts": "//\n".repeat(501) }, problem: /501 lines/ },
};

for (const [name, { files, problem }] of Object.entries(BAD)) {
  test(`${name} is refused`, () => {
    const { status, problems } = check(files);
    assert.equal(status, 1);
    assert.match(problems, problem);
  });
}
