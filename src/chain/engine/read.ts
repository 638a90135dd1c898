/**
 * Reads what an engine answered: every length and range is checked, and the error names the field.
 */
import { DecodeError } from "../../base/errors.ts";

export type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

export const MAX_UINT64 = 2n ** 64n - 1n;
export const MAX_UINT256 = 2n ** 256n - 1n;

export function readObject(value: Json, path: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(value, "an object", path);
  return value as JsonObject;
}

/** @param max the most items that the field may have */
export function readArray<T>(value: Json, path: string, max: number, read: (item: Json, path: string) => T): T[] {
  if (!Array.isArray(value)) fail(value, "an array", path);
  const items = value as Json[];
  if (items.length > max) throw new DecodeError(`${items.length} items where at most ${max} may be`, path);
  return items.map((item, i) => read(item, `${path}[${i}]`));
}

/** Exactly so many bytes. */
export function readBytes(value: Json, path: string, length: number): Uint8Array {
  const bytes = readByteList(value, path, length);
  if (bytes.length !== length) throw new DecodeError(`${bytes.length} bytes instead of ${length}`, path);
  return bytes;
}

/** As many bytes as there are, up to a limit. */
export function readByteList(value: Json, path: string, max: number): Uint8Array {
  if (typeof value !== "string" || !value.startsWith("0x")) fail(value, "0x and hexadecimal digits", path);
  const text = value as string;
  const length = (text.length - 2) / 2;
  if (length > max) throw new DecodeError(`${length} bytes where at most ${max} may be`, path);
  const decoded = Buffer.from(text.slice(2), "hex");
  // Buffer stops at the first digit that is none.
  if (decoded.length !== length) fail(value, "0x and an even number of hexadecimal digits", path);
  return new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.length).slice();
}

/** Leading zeros are tolerated. */
export function readQuantity(value: Json, path: string, max: bigint = MAX_UINT64): bigint {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) fail(value, "a quantity such as 0x1f", path);
  const quantity = BigInt(value as string);
  if (quantity > max) throw new DecodeError(`${value} is more than 0x${max.toString(16)}`, path);
  return quantity;
}

/** Cut where longer; what engines say goes to logs and metrics. */
export function readText(value: Json, path: string, max = 1000): string {
  if (typeof value !== "string") fail(value, "text", path);
  return (value as string).slice(0, max);
}

export function readOptional<T>(value: Json, read: (value: Json) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

function fail(value: Json, expected: string, path: string): never {
  throw new DecodeError(`${excerpt(value)} is not ${expected}`, path);
}

function excerpt(value: Json): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
