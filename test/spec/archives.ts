/**
 * Finds the reference tests and unpacks their archives once, into a cache beside the repository's sources.
 */
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const CACHE = join(REPOSITORY, ".cache", "vectors");
const PRESETS = ["general", "minimal", "mainnet"];
const BLOCK = 512;
const MAX_FILE_BYTES = 1 << 30;

/** The folder that CRESSET_VECTORS names, or the one beside the repository; undefined when neither is there. */
export function vectorFolder(): string | undefined {
  const named = process.env.CRESSET_VECTORS;
  if (named && !existsSync(named)) throw new Error(`CRESSET_VECTORS names ${named}, which does not exist`);
  const folder = named ? resolve(named) : resolve(REPOSITORY, "../shared/vectors");
  return existsSync(folder) ? folder : undefined;
}

/** Folders whose children are presets; archives among the sources are unpacked first. */
export async function vectorTrees(folder: string): Promise<string[]> {
  const trees = [folder, join(folder, "tests")].filter((tree) =>
    PRESETS.some((preset) => existsSync(join(tree, preset))),
  );
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith(".tar.zst")) trees.push(join(await unpacked(join(folder, name)), "tests"));
  }
  return trees;
}

async function unpacked(archive: string): Promise<string> {
  const { size, mtimeMs } = statSync(archive);
  const target = join(CACHE, `${basename(archive, ".tar.zst")}-${size}-${Math.round(mtimeMs)}`);
  if (existsSync(target)) return target;
  const partial = `${target}.${process.pid}.partial`;
  mkdirSync(partial, { recursive: true });
  // The archives were packed with a long window.
  const zstd = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 27 } });
  const reader = new TarReader(partial);
  await pipeline(createReadStream(archive), zstd, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) reader.push(chunk);
  });
  reader.end(archive);
  try {
    renameSync(partial, target);
  } catch (error) {
    // Another process was first.
    if (!existsSync(target)) throw error;
    rmSync(partial, { recursive: true });
  }
  return target;
}

/** The part of tar that GNU tar and python write: regular files, folders, long names. */
class TarReader {
  readonly #target: string;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #longName: string | undefined;
  #folders = new Set<string>();
  #files = 0;

  constructor(target: string) {
    this.#target = target;
  }

  push(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    while (this.#readEntry());
  }

  end(archive: string): void {
    if (this.#files === 0) throw new Error(`${archive} holds no files`);
    const rest = Buffer.concat(this.#pending);
    if (!rest.every((byte) => byte === 0)) throw new Error(`${archive} ends within a file`);
  }

  #peek(bytes: number): Buffer | undefined {
    if (this.#pendingBytes < bytes) return undefined;
    if (this.#pending[0]!.length < bytes) this.#pending = [Buffer.concat(this.#pending)];
    return this.#pending[0]!.subarray(0, bytes);
  }

  #readEntry(): boolean {
    const header = this.#peek(BLOCK);
    if (!header) return false;
    if (header[0] === 0) return this.#drop(BLOCK);
    const size = Number.parseInt(text(header, 124, 12).trim(), 8);
    if (!(size >= 0 && size <= MAX_FILE_BYTES)) throw new Error(`tar entry of size ${size}`);
    const total = BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const entry = this.#peek(total);
    if (!entry) return false;
    this.#write(entry.subarray(0, BLOCK), entry.subarray(BLOCK, BLOCK + size));
    return this.#drop(total);
  }

  #write(header: Buffer, data: Buffer): void {
    const kind = String.fromCharCode(header[156]!);
    if (kind === "L") {
      this.#longName = text(data, 0, data.length);
      return;
    }
    const prefix = text(header, 257, 6) === "ustar" && header[263] === 0x30 ? text(header, 345, 155) : "";
    const name = this.#longName ?? (prefix ? `${prefix}/${text(header, 0, 100)}` : text(header, 0, 100));
    this.#longName = undefined;
    if (kind === "5") return;
    if (kind !== "0" && kind !== "\0") throw new Error(`tar entry ${name} of unknown kind ${JSON.stringify(kind)}`);
    const path = resolve(this.#target, name);
    if (!path.startsWith(this.#target + sep)) throw new Error(`tar entry ${name} leaves its folder`);
    const folder = dirname(path);
    if (!this.#folders.has(folder)) mkdirSync(folder, { recursive: true });
    this.#folders.add(folder);
    writeFileSync(path, data);
    this.#files++;
  }

  #drop(bytes: number): true {
    const first = this.#pending[0]!;
    if (first.length === bytes) this.#pending.shift();
    else this.#pending[0] = first.subarray(bytes);
    this.#pendingBytes -= bytes;
    return true;
  }
}

/** A field of a header: up to the first zero byte. */
function text(bytes: Buffer, start: number, length: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString("utf8", start, end < 0 || end > start + length ? start + length : end);
}
