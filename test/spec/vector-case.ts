/**
 * One case of the reference tests, and the list of all cases of a tree.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/README.md
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { uncompressBlock } from "../../src/base/snappy.ts";

const MAX_SSZ_BYTES = 1 << 30;

export class VectorCase {
  readonly preset: "general" | "minimal" | "mainnet";
  readonly fork: string;
  readonly runner: string;
  readonly handler: string;
  readonly suite: string;
  readonly name: string;
  /** Folder of the case. */
  readonly path: string;
  readonly files: string[];
  readonly opened = new Set<string>();
  // biome-ignore lint/suspicious/noExplicitAny: each runner's meta data has a form of its own
  #meta: Record<string, any> | undefined;

  constructor(path: string, place: string[], files: string[]) {
    const [preset, fork, runner, handler, suite, name] = place as [VectorCase["preset"], ...string[]];
    this.preset = preset;
    this.fork = fork!;
    this.runner = runner!;
    this.handler = handler!;
    this.suite = suite!;
    this.name = name!;
    this.path = path;
    this.files = files;
  }

  get id(): string {
    return [this.preset, this.fork, this.runner, this.handler, this.suite, this.name].join("/");
  }

  has(file: string): boolean {
    return this.files.includes(file);
  }

  /** The file as it is. */
  bytes(file: string): Uint8Array {
    if (!this.has(file)) throw new Error(`${this.id} has no ${file}`);
    this.opened.add(file);
    return readFileSync(join(this.path, file));
  }

  text(file: string): string {
    return Buffer.from(this.bytes(file)).toString("utf8");
  }

  /** NAME.ssz_snappy, decompressed. */
  ssz(name: string): Uint8Array {
    return uncompressBlock(this.bytes(`${name}.ssz_snappy`), MAX_SSZ_BYTES);
  }

  /** NAME.yaml, or undefined when there is none. Whole numbers beyond 2^53-1 are bigint, the others number. */
  yaml(name: string): unknown {
    if (!this.has(`${name}.yaml`)) return undefined;
    return narrow(parse(this.text(`${name}.yaml`), { intAsBigInt: true, maxAliasCount: 0 }));
  }

  /** meta.yaml; empty when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  get meta(): Record<string, any> {
    this.#meta ??= (this.yaml("meta") ?? {}) as Record<string, unknown>;
    return this.#meta;
  }

  /** The manifest repeats the place of the case. */
  checkManifest(): void {
    const manifest = this.yaml("manifest") as Record<string, unknown> | undefined;
    if (!manifest) return;
    const { preset, fork, runner, handler, suite, name } = this;
    const expected: Record<string, string> = { preset, fork, runner, handler, suite, case: name };
    for (const [key, value] of Object.entries(expected)) {
      if (String(manifest[key]) !== value) throw new Error(`manifest.yaml says ${key} ${manifest[key]}, not ${value}`);
    }
  }

  unopened(): string[] {
    return this.files.filter((file) => !this.opened.has(file));
  }
}

/** Cases below the trees, of one runner or of all. */
export function listCases(trees: string[], runner?: string): VectorCase[] {
  const cases = trees.flatMap((tree) => walk(tree, [], runner));
  const seen = new Set<string>();
  // The same case may be both unpacked and in an archive.
  return cases.filter((vector) => !seen.has(vector.id) && seen.add(vector.id));
}

/** The cases of ethereum/bls12-381-tests: one YAML file each, shown as `data.yaml` of a case. */
export function listBls12381(folder: string): VectorCase[] {
  const root = join(folder, "bls12-381");
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((handler) =>
    readdirSync(join(root, handler)).map((file) => {
      const place = ["general", "phase0", "bls12-381", handler, "bls", file.replace(/\.[^.]*$/, "")];
      return new SingleFileCase(join(root, handler), place, file);
    }),
  );
}

class SingleFileCase extends VectorCase {
  readonly #file: string;
  constructor(path: string, place: string[], file: string) {
    super(path, place, ["data.yaml"]);
    this.#file = file;
  }

  override bytes(file: string): Uint8Array {
    if (file !== "data.yaml") throw new Error(`${this.id} has no ${file}`);
    this.opened.add(file);
    return readFileSync(join(this.path, this.#file));
  }
}

/** Levels of folders: preset, fork, runner, handler, suite, case. */
function walk(folder: string, place: string[], runner: string | undefined): VectorCase[] {
  if (place.length === 6) return [new VectorCase(folder, place, readdirSync(folder))];
  if (place.length === 3 && runner !== undefined && place[2] !== runner) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const presets = ["general", "minimal", "mainnet"];
  const names = entries.map((entry) => entry.name).filter((name) => place.length > 0 || presets.includes(name));
  return names.sort().flatMap((name) => walk(join(folder, name), [...place, name], runner));
}

function narrow(value: unknown): unknown {
  if (typeof value === "bigint")
    return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER ? Number(value) : value;
  if (Array.isArray(value)) return value.map(narrow);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, narrow(item)]));
}
