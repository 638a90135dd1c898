/**
 * Reads what a command is given: a file, stdin (`-`) or an address of a beacon API; always up to a limit.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { UsageError } from "../base/errors.ts";
import { type ForkName, isForkName } from "../spec/fork.ts";
import { InputError } from "./exit.ts";
import { startProgress } from "./progress.ts";

export const FORMATS = ["ssz", "ssz_snappy", "json", "yaml"] as const;
export type Format = (typeof FORMATS)[number];

export const DEFAULT_MAX_BYTES = 2 ** 30;
const CHUNK_BYTES = 1 << 20;
const FETCH_TIMEOUT_MS = 600_000;
const MIB = 1 << 20;

export interface Input {
  /** File name or address, for messages. */
  readonly label: string;
  /** From the name or the content type; undefined where neither tells. */
  readonly format?: Format;
  /** The fork that an API's answer names. */
  readonly fork?: ForkName;
  readonly bytes: Uint8Array;
}

export async function readInput(name: string, maxBytes: number): Promise<Input> {
  if (name === "-") return { label: "stdin", bytes: readDescriptor(0, "stdin", maxBytes) };
  if (/^https?:\/\//.test(name)) return readAddress(name, maxBytes);
  if (/^[a-z]+:\/\//.test(name)) throw new UsageError(`${name}: only http and https addresses are read`);
  const descriptor = openSync(name, "r");
  try {
    const format = formatOfName(name);
    return { label: name, bytes: readDescriptor(descriptor, name, maxBytes), ...(format && { format }) };
  } finally {
    closeSync(descriptor);
  }
}

export function formatOfName(name: string): Format | undefined {
  const extension = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  if (extension === "yml") return "yaml";
  return FORMATS.find((format) => format === extension);
}

function readDescriptor(descriptor: number, label: string, maxBytes: number): Uint8Array {
  const stat = fstatSync(descriptor);
  if (stat.isDirectory()) throw new UsageError(`${label} is a folder`);
  if (stat.isFile() && stat.size > maxBytes) throw tooLarge(label, maxBytes);
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafeSlow(stat.isFile() ? Math.max(stat.size - total, 1) : CHUNK_BYTES);
    const count = readSome(descriptor, chunk);
    if (count === 0) break;
    total += count;
    if (total > maxBytes) throw tooLarge(label, maxBytes);
    chunks.push(chunk.subarray(0, count));
  }
  return join(chunks, total);
}

function readSome(descriptor: number, into: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, into);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      // A terminal or pipe in non-blocking mode: wait for it.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

async function readAddress(address: string, maxBytes: number): Promise<Input> {
  const response = await get(address);
  if (!response.ok) {
    await response.body?.cancel();
    throw new InputError(address, "answer", `status ${response.status} ${response.statusText}`);
  }
  const length = Number(response.headers.get("content-length") ?? 0);
  if (length > maxBytes) throw tooLarge(address, maxBytes);
  const bytes = await readBody(address, response, length, maxBytes);
  const format = formatOfContent(response.headers.get("content-type") ?? "");
  const version = (response.headers.get("eth-consensus-version") ?? "").toLowerCase();
  return { label: address, bytes, ...(format && { format }), ...(isForkName(version) && { fork: version }) };
}

async function get(address: string): Promise<Response> {
  const headers = { accept: "application/octet-stream;q=1.0, application/json;q=0.9" };
  try {
    return await fetch(address, { headers, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  } catch (error) {
    const cause = (error as Error).cause;
    throw new InputError(address, "no answer", cause instanceof Error ? cause : error);
  }
}

async function readBody(label: string, response: Response, length: number, maxBytes: number): Promise<Uint8Array> {
  const progress = startProgress("download", Math.round(length / MIB), "MiB");
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of response.body ?? []) {
      total += chunk.length;
      if (total > maxBytes) throw tooLarge(label, maxBytes);
      chunks.push(chunk);
      progress.update(total / MIB);
    }
  } catch (error) {
    throw error instanceof InputError ? error : new InputError(label, "answer broke off", error);
  } finally {
    progress.stop();
  }
  return join(chunks, total);
}

function formatOfContent(type: string): Format | undefined {
  if (type.startsWith("application/octet-stream")) return "ssz";
  return type.startsWith("application/json") ? "json" : undefined;
}

function join(chunks: Uint8Array[], total: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooLarge(label: string, maxBytes: number): InputError {
  return new InputError(label, "too large", `more than ${maxBytes} bytes; --max-bytes sets the limit`);
}
