import type { ContainerType, Type } from "@chainsafe/ssz";
import { toHex } from "../base/bytes.ts";
import { BytesColumn } from "../columns/bytes-column.ts";
import { RecordColumn } from "../columns/record-column.ts";
import { U64Column } from "../columns/u64-column.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { type Fork, forkName } from "./fork.ts";
import { SmallValue } from "./small-value.ts";
import { fieldsOf } from "./state-fields.ts";
import { fieldType, type Paged, type Part } from "./state-parts.ts";
import { Validators } from "./validators.ts";

/** Items are handed on in batches of this many. */
const BATCH = 1024;

type Sink = (text: string) => void;
type Container = ContainerType<Record<string, Type<unknown>>>;

interface PrintableState {
  readonly spec: ChainSpec;
  readonly fork: Fork;
  part(name: string): Part;
}

/** JSON of the beacon API: of the whole state, or of the field `name`. */
export function writeStateJson(state: PrintableState, sink: Sink, name?: string): void {
  if (name !== undefined) {
    writePart(state, name, sink);
    return;
  }
  const container = state.spec.exactTypes[forkName(state.fork)].BeaconState as unknown as Container;
  fieldsOf(state.fork).forEach((field, i) => {
    const key = container.fieldsEntries.find((entry) => entry.fieldName === field.name)!.jsonKey;
    sink(`${i === 0 ? "{" : ","}${JSON.stringify(key)}:`);
    writePart(state, field.name, sink);
  });
  sink("}");
}

function writePart(state: PrintableState, name: string, sink: Sink): void {
  const part = state.part(name);
  const type = fieldType(state.spec, state.fork, name, "exact");
  if (part instanceof SmallValue) sink(JSON.stringify(type.toJson(part.exactValue)));
  else writeItems(part.length, itemWriter(part, type), sink);
}

/** How one item of a column is printed, exactly. */
function itemWriter(part: Paged, type: Type<unknown>): (index: number) => string {
  if (part instanceof U64Column) return (index) => `"${part.getBig(index)}"`;
  if (part instanceof BytesColumn) return (index) => `"${toHex(part.get(index))}"`;
  if (part instanceof Validators || part instanceof RecordColumn) {
    const element = (type as unknown as { elementType: Container }).elementType;
    const bytesOf = (index: number) => (part instanceof Validators ? part.recordBytes(index) : part.data.get(index));
    return (index) => JSON.stringify(element.toJson(element.deserialize(bytesOf(index))));
  }
  return (index) => `"${part.get(index)}"`;
}

function writeItems(length: number, item: (index: number) => string, sink: Sink): void {
  sink("[");
  for (let first = 0; first < length; first += BATCH) {
    const items: string[] = [];
    for (let i = first; i < Math.min(length, first + BATCH); i++) items.push(item(i));
    sink(first === 0 ? items.join(",") : `,${items.join(",")}`);
  }
  sink("]");
}
