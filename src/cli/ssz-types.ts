/** Lists of types and of what they are made of. */
import type { Type } from "@chainsafe/ssz";
import { UsageError } from "../base/errors.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { FORK_NAMES, type ForkName } from "../spec/fork.ts";
import { placeOf } from "../spec/ssz-path.ts";
import { shapeOf } from "../spec/ssz-shape.ts";
import type { SpecOptions } from "./options.ts";
import { typeNamed } from "./ssz-load.ts";

/** All types, by the fork that defined or changed them last; of one fork with `--fork`. */
export function listTypes(spec: ChainSpec, { fork, json }: SpecOptions): string {
  const forks = FORK_NAMES.filter((name) => fork === undefined || name === fork);
  const names = Object.fromEntries(forks.map((name) => [name, namesOf(spec, name, fork === undefined)]));
  if (json) return `${JSON.stringify(names)}\n`;
  return Object.entries(names)
    .map(([name, types]) => `${name}:\n${types.map((type) => `  ${type}\n`).join("")}`)
    .join("");
}

/** The parts of a type with their sizes and generalized indices. */
export function describeType(spec: ChainSpec, name: string, options: SpecOptions): string {
  const having = FORK_NAMES.filter((fork) => typeNamed(spec, fork, name));
  const fork = options.fork === undefined ? having.at(-1) : having.find((candidate) => candidate === options.fork);
  if (!fork) throw new UsageError(`no type ${JSON.stringify(name)}${options.fork ? ` in ${options.fork}` : ""}`);
  const type = typeNamed(spec, fork, name)!;
  const shape = shapeOf(type);
  const fields = shape.kind === "container" ? shape.fields : [];
  const rows = fields.map((field) => ({
    name: field.jsonKey,
    type: typeText(field.type),
    bytes: sizeText(field.type),
    gindex: placeOf(type, field.jsonKey).gindex.toString(),
  }));
  if (options.json)
    return `${JSON.stringify({ name, fork, type: typeText(type), bytes: sizeText(type), fields: rows })}\n`;
  const head = `${name} (${fork}, ${spec.config.PRESET_BASE}): ${typeText(type)}, ${sizeText(type)} bytes\n`;
  const width = Math.max(0, ...rows.map((row) => row.name.length));
  const lines = rows.map(
    (row) => `  ${row.gindex.padStart(3)} ${row.name.padEnd(width)}  ${row.type}, ${row.bytes} bytes\n`,
  );
  return head + lines.join("");
}

function namesOf(spec: ChainSpec, fork: ForkName, onlyNew: boolean): string[] {
  const before = FORK_NAMES[FORK_NAMES.indexOf(fork) - 1];
  // The variants for slashings are the same types here, where every number is exact.
  const names = Object.keys(spec.exactTypes[fork]).filter((name) => !name.endsWith("Bigint"));
  const isNew = (name: string) => before === undefined || typeNamed(spec, before, name) !== typeNamed(spec, fork, name);
  return names.filter((name) => !onlyNew || isNew(name)).sort();
}

/** A type in the spec's notation. */
function typeText(type: Type<unknown>): string {
  const shape = shapeOf(type);
  switch (shape.kind) {
    case "uint":
      return `uint${8 * shape.bytes}`;
    case "boolean":
      return "boolean";
    case "bytes":
      return `Byte${shape.isList ? "List" : "Vector"}[${shape.size}]`;
    case "bits":
      return `Bit${shape.isList ? "list" : "vector"}[${shape.size}]`;
    case "items":
      return `${shape.isList ? "List" : "Vector"}[${typeText(shape.element)}, ${shape.size}]`;
    case "container":
      return type.typeName;
    default:
      return shape satisfies never;
  }
}

function sizeText(type: Type<unknown>): string {
  return type.fixedSize === null ? `${type.minSize} to ${type.maxSize}` : String(type.fixedSize);
}
