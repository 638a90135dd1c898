/**
 * The values that SSZ tests give in YAML, in the form that the types' own JSON has.
 */

/** What the tests need of a type, whatever its value is. */
export interface SszType {
  deserialize(bytes: Uint8Array): unknown;
  serialize(value: unknown): Uint8Array;
  hashTreeRoot(value: unknown): Uint8Array;
  toJson(value: unknown): unknown;
  fromJson(json: unknown): unknown;
}

/** Whole numbers as decimal strings, everything else as it is. */
export function asJson(yaml: unknown): unknown {
  if (typeof yaml === "number" || typeof yaml === "bigint") return yaml.toString();
  if (Array.isArray(yaml)) return yaml.map(asJson);
  if (yaml === null || typeof yaml !== "object") return yaml;
  return Object.fromEntries(Object.entries(yaml).map(([key, value]) => [key, asJson(value)]));
}

/** Path and both values of the first difference of two JSON values, or undefined. */
export function firstDifference(actual: unknown, expected: unknown, path: string): string | undefined {
  if (actual === expected) return undefined;
  if (Array.isArray(actual) && Array.isArray(expected)) {
    for (let i = 0; i < Math.min(actual.length, expected.length); i++) {
      const difference = firstDifference(actual[i], expected[i], `${path}[${i}]`);
      if (difference) return difference;
    }
    if (actual.length !== expected.length) return `${path}: ${actual.length} items, expected ${expected.length}`;
    return undefined;
  }
  if (isRecord(actual) && isRecord(expected)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const difference = firstDifference(actual[key], expected[key], `${path}.${key}`);
      if (difference) return difference;
    }
    return undefined;
  }
  return `${path}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
