import {
  type ContainerType,
  ListBasicType,
  ListCompositeType,
  type Type,
  VectorBasicType,
  VectorCompositeType,
} from "@chainsafe/ssz";
import type { Arena } from "../columns/arena.ts";
import { BytesColumn } from "../columns/bytes-column.ts";
import type { ColumnShape } from "../columns/column.ts";
import { FlagsColumn } from "../columns/flags-column.ts";
import { type RecordCodec, RecordColumn } from "../columns/record-column.ts";
import { U64Column } from "../columns/u64-column.ts";
import type { KeyTable } from "../crypto/key-table.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { type Fork, forkName } from "./fork.ts";
import { SmallValue } from "./small-value.ts";
import type { StateField } from "./state-fields.ts";
import { Validators } from "./validators.ts";

// biome-ignore lint/suspicious/noExplicitAny: the element type is known only to the typed property of BeaconState
type AnyRecords = RecordColumn<any>;
export type Paged = BytesColumn | U64Column | FlagsColumn | AnyRecords | Validators;
/** What holds one field of a state. */
export type Part = SmallValue | Paged;

export function isPaged(part: Part): part is Paged {
  return !(part instanceof SmallValue);
}

export function rootOfPart(part: Part, threads: number): Uint8Array {
  return part instanceof SmallValue ? part.root : part.hashTreeRoot(threads);
}

export function dropPart(part: Part): void {
  if (isPaged(part)) part.drop();
}

/** SSZ type of a state field at a fork. */
export function fieldType(spec: ChainSpec, fork: Fork, name: string, mode: "number" | "exact"): Type<unknown> {
  const types = mode === "number" ? spec.types : spec.exactTypes;
  const container = types[forkName(fork)].BeaconState as unknown as ContainerType<Record<string, Type<unknown>>>;
  const type = container.fields[name];
  if (type === undefined) throw new TypeError(`a ${forkName(fork)} state has no ${name}`);
  return type;
}

/** The field at its SSZ default. */
export function defaultPart(spec: ChainSpec, fork: Fork, field: StateField, keys: KeyTable, arena: Arena): Part {
  const type = fieldType(spec, fork, field.name, "number");
  if (field.kind === "value") {
    return SmallValue.of(type, fieldType(spec, fork, field.name, "exact"), type.defaultValue());
  }
  const shape = shapeOf(type);
  switch (field.kind) {
    case "roots":
      return new BytesColumn(arena, 32, shape);
    case "u64":
      return new U64Column(arena, shape);
    case "scattered-u64":
      return new U64Column(arena, shape, true);
    case "flags":
      return new FlagsColumn(arena, shape);
    case "records":
      return new RecordColumn(arena, recordCodec(type), shape);
    case "validators":
      return new Validators(arena, shape.limit, keys);
    default:
      return field.kind satisfies never;
  }
}

/** Limit of a list, or length of a vector. */
export function shapeOf(type: Type<unknown>): ColumnShape {
  if (type instanceof VectorBasicType || type instanceof VectorCompositeType) {
    return { limit: type.length, isVector: true };
  }
  if (type instanceof ListBasicType || type instanceof ListCompositeType) {
    return { limit: type.limit, isVector: false };
  }
  throw new TypeError(`${type.typeName} is neither a list nor a vector`);
}

const codecs = new WeakMap<Type<unknown>, RecordCodec<unknown>>();

function recordCodec(type: Type<unknown>): RecordCodec<unknown> {
  let codec = codecs.get(type);
  if (codec === undefined) {
    const element = (type as ListCompositeType<ContainerType<Record<string, Type<unknown>>>>).elementType;
    const layout = Uint8Array.from(Object.values(element.fields), (part) => part.fixedSize!);
    codec = {
      recordBytes: element.fixedSize!,
      layout,
      encode: (value) => element.serialize(value as never),
      decode: (bytes) => element.deserialize(bytes),
    };
    codecs.set(type, codec);
  }
  return codec;
}
