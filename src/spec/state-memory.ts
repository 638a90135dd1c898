/** What a state's pages cost, field by field: exact, and the same numbers that metrics and tools show. */
import { FlagsColumn } from "../columns/flags-column.ts";
import type { Pages } from "../columns/pages.ts";
import { RecordColumn } from "../columns/record-column.ts";
import { SmallValue } from "./small-value.ts";
import type { BeaconState } from "./state.ts";
import { fieldsOf } from "./state-fields.ts";
import type { Part } from "./state-parts.ts";
import { Validators } from "./validators.ts";

export interface FieldMemory {
  readonly field: string;
  /** Bytes of pages that this state alone holds, tree nodes included. */
  ownedBytes: number;
  /** Bytes of pages that another state holds too. */
  sharedBytes: number;
}

export interface StateMemory {
  readonly fields: readonly FieldMemory[];
  readonly ownedBytes: number;
  readonly sharedBytes: number;
  /** Bytes of small fields, which clones share, and of the page tables that no clone shares. */
  readonly smallBytes: number;
  readonly tableBytes: number;
}

export function measureState(state: BeaconState): StateMemory {
  const fields: FieldMemory[] = [];
  let smallBytes = 0;
  let tableBytes = 0;
  for (const { name } of fieldsOf(state.fork)) {
    const part = state.part(name);
    if (part instanceof SmallValue) smallBytes += part.sizeBytes;
    const field: FieldMemory = { field: name, ownedBytes: 0, sharedBytes: 0 };
    for (const pages of allPages(part)) {
      const { owned, shared } = pages.tally();
      field.ownedBytes += owned * pages.arena.pageBytes;
      field.sharedBytes += shared * pages.arena.pageBytes;
      tableBytes += pages.tableBytes;
    }
    if (!(part instanceof SmallValue)) fields.push(field);
  }
  const sum = (key: "ownedBytes" | "sharedBytes") => fields.reduce((total, field) => total + field[key], 0);
  return { fields, ownedBytes: sum("ownedBytes"), sharedBytes: sum("sharedBytes"), smallBytes, tableBytes };
}

/** Data pages of `after` that are not those of `before`, its clone from an earlier time. */
export function countTouchedPages(before: BeaconState, after: BeaconState): number {
  let touched = 0;
  for (const { name } of fieldsOf(after.fork)) {
    const [old, now] = [dataPages(before.part(name)), dataPages(after.part(name))];
    now.forEach((pages, i) => {
      for (let p = 0; p < pages.count; p++) if (p >= old[i]!.count || pages.table[p] !== old[i]!.table[p]) touched++;
    });
  }
  return touched;
}

function dataPages(part: Part): Pages[] {
  if (part instanceof SmallValue) return [];
  if (part instanceof Validators) return part.parts().flatMap(([name, { pages }]) => (name === "roots" ? [] : [pages]));
  if (part instanceof RecordColumn) return [part.data.pages];
  return [part instanceof FlagsColumn ? part.column.pages : part.pages];
}

function allPages(part: Part): Pages[] {
  if (part instanceof SmallValue) return [];
  if (part instanceof Validators) return part.parts().flatMap(([, column]) => [column.pages, ...column.nodePages()]);
  if (part instanceof RecordColumn) return [part.data.pages, part.roots.pages, ...part.roots.nodePages()];
  const column = part instanceof FlagsColumn ? part.column : part;
  return [column.pages, ...column.nodePages()];
}
