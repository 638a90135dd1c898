/**
 * Reads SSZ values from JSON or YAML and, where something is wrong, says in which field.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/ssz/simple-serialize.md#json-mapping
 */
import type { Type } from "@chainsafe/ssz";
import { DecodeError } from "../base/errors.ts";
import { type Shape, shapeOf } from "./ssz-shape.ts";

/**
 * A value of the type from its JSON form. Whole numbers are decimal strings; small ones may be numbers.
 * @throws DecodeError with the path of the first fault
 */
export function valueFromJson<T>(type: Type<T>, json: unknown): T {
  return type.fromJson(checked(type as Type<unknown>, json, ""));
}

/** The JSON with numbers as strings; every part has been checked against its type. */
function checked(type: Type<unknown>, json: unknown, path: string): unknown {
  const shape = shapeOf(type);
  switch (shape.kind) {
    case "uint":
      return checkedUint(json, shape.bytes, path);
    case "boolean":
      if (json === true || json === "true") return true;
      if (json === false || json === "false") return false;
      throw new DecodeError(`${show(json)} is neither true nor false`, path);
    case "bytes":
      return checkedBytes(json, shape, path);
    case "bits":
      return checkedBits(type, json, path);
    case "items":
      return checkedItems(json, shape, path);
    case "container":
      return checkedFields(json, shape, path);
    default:
      return shape satisfies never;
  }
}

function checkedUint(json: unknown, bytes: number, path: string): string {
  if (typeof json === "number" && !Number.isSafeInteger(json)) {
    throw new DecodeError(`${json} is not exact: write whole numbers past 2^53 as strings`, path);
  }
  const text = typeof json === "number" || typeof json === "bigint" ? String(json) : json;
  if (typeof text !== "string" || !/^[0-9]{1,78}$/.test(text)) {
    throw new DecodeError(`${show(json)} is not a whole number`, path);
  }
  if (BigInt(text) >= 1n << BigInt(8 * bytes)) throw new DecodeError(`${text} is too large for uint${8 * bytes}`, path);
  return text;
}

function checkedHex(json: unknown, path: string): string {
  if (typeof json === "string" && /^0x([0-9a-fA-F]{2})*$/.test(json)) return json;
  throw new DecodeError(`${show(json)} is not 0x-hexadecimal`, path);
}

function checkedBytes(json: unknown, shape: Shape & { kind: "bytes" }, path: string): string {
  const hex = checkedHex(json, path);
  const length = (hex.length - 2) / 2;
  if (shape.isList ? length > shape.size : length !== shape.size) {
    throw new DecodeError(`${length} bytes, ${shape.isList ? "at most " : ""}${shape.size} allowed`, path);
  }
  return hex;
}

function checkedBits(type: Type<unknown>, json: unknown, path: string): string {
  const hex = checkedHex(json, path);
  try {
    type.fromJson(hex);
  } catch (cause) {
    throw new DecodeError(`${type.typeName}: ${(cause as Error).message}`, path, -1, { cause });
  }
  return hex;
}

function checkedItems(json: unknown, shape: Shape & { kind: "items" }, path: string): unknown[] {
  if (!Array.isArray(json)) throw new DecodeError(`${show(json)} is not a list`, path);
  if (shape.isList ? json.length > shape.size : json.length !== shape.size) {
    throw new DecodeError(`${json.length} items, ${shape.isList ? "at most " : ""}${shape.size} allowed`, path);
  }
  return json.map((item, i) => checked(shape.element, item, `${path}[${i}]`));
}

function checkedFields(json: unknown, shape: Shape & { kind: "container" }, path: string): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new DecodeError(`${show(json)} is not a map of fields`, path);
  }
  const given = json as Record<string, unknown>;
  const at = (key: string) => (path === "" ? key : `${path}.${key}`);
  const known = new Set(shape.fields.map((field) => field.jsonKey));
  for (const key of Object.keys(given))
    if (!known.has(key)) throw new DecodeError("unknown field", at(key.slice(0, 80)));
  const out: Record<string, unknown> = {};
  for (const { jsonKey, type } of shape.fields) {
    if (!Object.hasOwn(given, jsonKey)) throw new DecodeError("missing field", at(jsonKey));
    out[jsonKey] = checked(type, given[jsonKey], at(jsonKey));
  }
  return out;
}

function show(json: unknown): string {
  return (JSON.stringify(json) ?? String(json)).slice(0, 80);
}
