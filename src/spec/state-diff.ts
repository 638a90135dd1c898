import { bytesEqual, toHex } from "../base/bytes.ts";
import { FlagsColumn } from "../columns/flags-column.ts";
import { RecordColumn } from "../columns/record-column.ts";
import { U64Column } from "../columns/u64-column.ts";
import { forkName } from "./fork.ts";
import { SmallValue } from "./small-value.ts";
import type { BeaconState } from "./state.ts";
import { fieldsOf } from "./state-fields.ts";
import type { Paged } from "./state-parts.ts";
import { Validators } from "./validators.ts";

/** One place at which two states differ. */
export interface StateDifference {
  /** Path in the spelling of the beacon API, e.g. `["validators", 17, "exit_epoch"]`. */
  path: (string | number)[];
  /** Generalized index of the place in the state, where it has one. */
  gindex: bigint | undefined;
  left: string;
  right: string;
}

/** The places at which two states of one spec differ, in SSZ order, at most `limit` of them. */
export function diffStates(left: BeaconState, right: BeaconState, limit = 1): StateDifference[] {
  if (left.fork !== right.fork) {
    return [{ path: ["fork"], gindex: undefined, left: forkName(left.fork), right: forkName(right.fork) }];
  }
  const found: StateDifference[] = [];
  const leftRoots = left.fieldRoots();
  const rightRoots = right.fieldRoots();
  for (const [i, field] of fieldsOf(left.fork).entries()) {
    if (found.length >= limit) break;
    if (bytesEqual(leftRoots.subarray(i * 32, i * 32 + 32), rightRoots.subarray(i * 32, i * 32 + 32))) continue;
    const places = diffField(left, right, field.name, limit - found.length);
    found.push(...places.map((place) => ({ ...place, gindex: gindexOf(left, field.name, place.path) })));
  }
  return found.map(({ path, ...rest }) => ({ path: path.map((step) => snakeCase(step)), ...rest }));
}

type Place = Omit<StateDifference, "gindex">;

function diffField(left: BeaconState, right: BeaconState, name: string, limit: number): Place[] {
  const a = left.part(name);
  const b = right.part(name);
  if (a instanceof SmallValue || b instanceof SmallValue) {
    const values = [a, b].map((part) => (part as SmallValue).exactType.toJson((part as SmallValue).exactValue));
    return diffJson(values[0], values[1], [name], limit);
  }
  const places: Place[] = [];
  const common = Math.min(a.length, b.length);
  const isEqual = itemComparer(a, b);
  for (let i = 0; i < common && places.length < limit; i++) {
    if (isEqual(i)) continue;
    const [x, y] = [itemJson(left, name, a, i), itemJson(right, name, b, i)];
    places.push(...diffJson(x, y, [name, i], limit - places.length));
  }
  if (a.length !== b.length && places.length < limit) {
    places.push({ path: [name, "length"], left: String(a.length), right: String(b.length) });
  }
  return places;
}

function itemComparer(a: Paged, b: Paged): (index: number) => boolean {
  if (a instanceof U64Column && b instanceof U64Column) return (i) => a.getBig(i) === b.getBig(i);
  if (a instanceof FlagsColumn && b instanceof FlagsColumn) return (i) => a.get(i) === b.get(i);
  const [x, y] = [rootColumn(a), rootColumn(b)];
  return (i) => bytesEqual(x.get(i), y.get(i));
}

/** What tells two items apart quickly: records by their roots. */
function rootColumn(part: Paged): { get(index: number): Uint8Array } {
  if (part instanceof Validators || part instanceof RecordColumn) {
    part.hashRecords(1);
    return part.roots;
  }
  return part as { get(index: number): Uint8Array };
}

function itemJson(state: BeaconState, name: string, part: Paged, index: number): unknown {
  if (part instanceof U64Column) return part.getBig(index).toString();
  if (part instanceof FlagsColumn) return String(part.get(index));
  if (part instanceof Validators || part instanceof RecordColumn) {
    const list = state.containerType("exact").fields[name] as unknown as {
      elementType: { toJson(value: unknown): unknown; deserialize(bytes: Uint8Array): unknown };
    };
    const bytes = part instanceof Validators ? part.recordBytes(index) : part.data.get(index);
    return list.elementType.toJson(list.elementType.deserialize(bytes));
  }
  return toHex(part.get(index));
}

/** Differing leaves of two JSON values of one SSZ type. */
export function diffJson(left: unknown, right: unknown, path: (string | number)[], limit: number): Place[] {
  if (limit <= 0) return [];
  if (isObject(left) && isObject(right)) {
    const places: Place[] = [];
    for (const key of Object.keys(left)) {
      const step = Array.isArray(left) ? Number(key) : key;
      places.push(...diffJson(left[key], right[key], [...path, step], limit - places.length));
    }
    if (Array.isArray(left) && Array.isArray(right) && left.length !== right.length && places.length < limit) {
      places.push({ path: [...path, "length"], left: String(left.length), right: String(right.length) });
    }
    return places;
  }
  return left === right ? [] : [{ path, left: JSON.stringify(left), right: JSON.stringify(right) }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function gindexOf(state: BeaconState, name: string, path: (string | number)[]): bigint | undefined {
  const steps = path.map((step) => (typeof step === "string" && step !== name ? camelCase(step) : step));
  for (let length = steps.length; length > 0; length--) {
    try {
      return state.containerType("exact").getPathInfo(steps.slice(0, length) as never).gindex;
    } catch {
      // `length` is no field, and inside a packed value a step may have no node of its own: name the one around it.
    }
  }
  return undefined;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(step: string | number): string | number {
  if (typeof step === "number") return step;
  return step.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
