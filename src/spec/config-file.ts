/**
 * Reads a network's configuration from YAML, as published by the networks themselves.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/configs/README.md
 */
import { isMap, isScalar, isSeq, type ParsedNode, parseDocument, type YAMLMap } from "yaml";
import { DecodeError } from "../base/errors.ts";
import {
  type BlobScheduleEntry,
  CONFIG_TABLE,
  type Config,
  type ConfigTable,
  defaultConfig,
  forkEpoch,
  LATER_CONFIG_TABLE,
  parseConfigValue,
} from "./config.ts";
import { FORK_NAMES, Fork } from "./fork.ts";
import { isPresetName, type PresetName } from "./preset.ts";

const MAX_CONFIG_CHARS = 1 << 18;
const MAX_SCHEDULE_ENTRIES = 1024;

/** Names that older configs still carry, with the value that the rest of the config implies. */
const DERIVED_KEYS: Record<string, (config: Config) => number | undefined> = {
  SECONDS_PER_SLOT: (config) => config.SLOT_DURATION_MS / 1000,
  MIN_EPOCHS_FOR_BLOCK_REQUESTS: (config) =>
    config.MIN_VALIDATOR_WITHDRAWABILITY_DELAY + Math.floor(config.CHURN_LIMIT_QUOTIENT / 2),
  ATTESTATION_SUBNET_PREFIX_BITS: (config) =>
    Math.ceil(Math.log2(config.ATTESTATION_SUBNET_COUNT)) + config.ATTESTATION_SUBNET_EXTRA_BITS,
  MAX_REQUEST_BLOB_SIDECARS: (config) => config.MAX_REQUEST_BLOCKS_DENEB * config.MAX_BLOBS_PER_BLOCK,
  MAX_REQUEST_BLOB_SIDECARS_ELECTRA: (config) => config.MAX_REQUEST_BLOCKS_DENEB * config.MAX_BLOBS_PER_BLOCK_ELECTRA,
  // Every preset has 128 columns.
  MAX_REQUEST_DATA_COLUMN_SIDECARS: (config) => config.MAX_REQUEST_BLOCKS_DENEB * 128,
  MAX_CHUNK_SIZE: (config) => config.MAX_PAYLOAD_SIZE,
  GOSSIP_MAX_SIZE: (config) => config.MAX_PAYLOAD_SIZE,
  TTFB_TIMEOUT: () => undefined,
  RESP_TIMEOUT: () => undefined,
};

/** Keys whose value is a list of a fork to come: read as any YAML. */
const LATER_LISTS = ["GAS_LIMIT_SCHEDULE"];

/**
 * A config from YAML text. Keys it lacks take the value of the preset's own config and are named in `missing`;
 * keys that mean nothing here are named in `unknown`. A value of the wrong type, length or range throws DecodeError.
 */
export function parseConfig(yaml: string): { config: Config; unknown: string[]; missing: string[] } {
  const root = parseRoot(yaml);
  const entries = readEntries(root);
  const preset = readPreset(entries);
  const known: ConfigTable = { ...CONFIG_TABLE, ...LATER_CONFIG_TABLE };
  const values: Record<string, unknown> = { ...defaultConfig(preset), PRESET_BASE: preset };
  const missing = Object.keys(CONFIG_TABLE).filter((key) => !entries.has(key));
  const unknown: string[] = [];
  for (const [key, node] of entries) {
    const row = Object.hasOwn(known, key) ? known[key] : undefined;
    if (row) values[key] = parseConfigValue(key, row[0], scalarText(key, node));
    else if (key === "CONFIG_NAME") values[key] = readName(scalarText(key, node));
    else if (key === "BLOB_SCHEDULE") values[key] = readBlobSchedule(node);
    else if (key !== "PRESET_BASE" && !LATER_LISTS.includes(key) && !Object.hasOwn(DERIVED_KEYS, key))
      unknown.push(key);
  }
  for (const key of ["PRESET_BASE", "CONFIG_NAME", "BLOB_SCHEDULE"]) if (!entries.has(key)) missing.push(key);
  if (!entries.has("CONFIG_NAME")) values.CONFIG_NAME = "unnamed";
  applySecondsPerSlot(entries, values, missing);
  const config = Object.freeze(values) as Config;
  checkDerived(config, entries);
  checkForkOrder(config);
  return { config, unknown, missing };
}

function parseRoot(yaml: string): YAMLMap.Parsed {
  if (yaml.length > MAX_CONFIG_CHARS)
    throw new DecodeError(`config of ${yaml.length} characters, at most ${MAX_CONFIG_CHARS}`);
  let document: ReturnType<typeof parseDocument>;
  try {
    // The failsafe schema leaves every scalar as its source text: 0x00000000 must not become a number.
    document = parseDocument(yaml, { schema: "failsafe", uniqueKeys: true, logLevel: "error" });
  } catch (cause) {
    throw new DecodeError("config is not YAML", "", -1, { cause });
  }
  const error = document.errors[0];
  if (error) throw new DecodeError(`config is not YAML: ${error.message.split("\n")[0]}`, "", error.pos[0]);
  if (!isMap(document.contents)) throw new DecodeError("config is not a map of names to values");
  return document.contents as YAMLMap.Parsed;
}

function readEntries(root: YAMLMap.Parsed): Map<string, ParsedNode | null> {
  const entries = new Map<string, ParsedNode | null>();
  for (const pair of root.items) {
    if (!isScalar(pair.key)) throw new DecodeError("a key of the config is not a name", "", pair.key?.range?.[0] ?? -1);
    entries.set(String(pair.key.value), pair.value);
  }
  return entries;
}

function scalarText(key: string, node: ParsedNode | null): string {
  if (!isScalar(node) || typeof node.value !== "string") throw new DecodeError("a single value is expected", key);
  return node.value;
}

function readPreset(entries: Map<string, ParsedNode | null>): PresetName {
  const node = entries.get("PRESET_BASE");
  const name = node === undefined ? "mainnet" : scalarText("PRESET_BASE", node);
  if (!isPresetName(name)) throw new DecodeError(`${JSON.stringify(name.slice(0, 80))} is no preset`, "PRESET_BASE");
  return name;
}

function readName(text: string): string {
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(text)) {
    throw new DecodeError(`${JSON.stringify(text.slice(0, 80))} is not a short name`, "CONFIG_NAME");
  }
  return text;
}

function readBlobSchedule(node: ParsedNode | null): BlobScheduleEntry[] {
  if (!isSeq(node)) throw new DecodeError("a list is expected", "BLOB_SCHEDULE");
  if (node.items.length > MAX_SCHEDULE_ENTRIES) throw new DecodeError("too many entries", "BLOB_SCHEDULE");
  const entries = node.items.map((item, i) => readScheduleEntry(item as ParsedNode, `BLOB_SCHEDULE[${i}]`));
  const sorted = entries.sort((a, b) => a.EPOCH - b.EPOCH);
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i]!.EPOCH === sorted[i - 1]!.EPOCH)
      throw new DecodeError(`epoch ${sorted[i]!.EPOCH} twice`, "BLOB_SCHEDULE");
  }
  return sorted;
}

function readScheduleEntry(item: ParsedNode, path: string): BlobScheduleEntry {
  if (!isMap(item)) throw new DecodeError("a map with EPOCH and MAX_BLOBS_PER_BLOCK is expected", path);
  const fields = readEntries(item as YAMLMap.Parsed);
  for (const key of fields.keys()) {
    if (key !== "EPOCH" && key !== "MAX_BLOBS_PER_BLOCK") throw new DecodeError("unknown key", `${path}.${key}`);
  }
  const number = (key: string, kind: "epoch" | "uint") => {
    const node = fields.get(key);
    if (node === undefined) throw new DecodeError("missing key", `${path}.${key}`);
    return parseConfigValue(`${path}.${key}`, kind, scalarText(`${path}.${key}`, node)) as number;
  };
  return { EPOCH: number("EPOCH", "epoch"), MAX_BLOBS_PER_BLOCK: number("MAX_BLOBS_PER_BLOCK", "uint") };
}

/** SLOT_DURATION_MS replaced SECONDS_PER_SLOT: a config with only the old name still says it. */
function applySecondsPerSlot(
  entries: Map<string, ParsedNode | null>,
  values: Record<string, unknown>,
  missing: string[],
): void {
  const node = entries.get("SECONDS_PER_SLOT");
  if (node === undefined || entries.has("SLOT_DURATION_MS")) return;
  const seconds = parseConfigValue("SECONDS_PER_SLOT", "positive", scalarText("SECONDS_PER_SLOT", node)) as number;
  if (seconds > 86_400) throw new DecodeError("longer than a day", "SECONDS_PER_SLOT");
  values.SLOT_DURATION_MS = seconds * 1000;
  missing.splice(missing.indexOf("SLOT_DURATION_MS"), 1);
}

function checkDerived(config: Config, entries: Map<string, ParsedNode | null>): void {
  for (const [key, derive] of Object.entries(DERIVED_KEYS)) {
    const node = entries.get(key);
    if (node === undefined) continue;
    const given = parseConfigValue(key, "uint", scalarText(key, node)) as number;
    const expected = derive(config);
    if (expected !== undefined && given !== expected) {
      throw new DecodeError(`${given} contradicts the rest of the config, which implies ${expected}`, key);
    }
  }
}

function checkForkOrder(config: Config): void {
  for (const fork of Object.values(Fork)) {
    if (fork === Fork.phase0 || forkEpoch(config, fork) >= forkEpoch(config, (fork - 1) as Fork)) continue;
    const key = `${FORK_NAMES[fork]!.toUpperCase()}_FORK_EPOCH`;
    throw new DecodeError(`epoch ${forkEpoch(config, fork)} is before the fork ahead of it`, key);
  }
}
