/**
 * Finds out what an input is (format, fork) and decodes it.
 */
import type { Type } from "@chainsafe/ssz";
import { parseDocument } from "yaml";
import { fromHex } from "../base/bytes.ts";
import { DecodeError, UsageError } from "../base/errors.ts";
import { isFramed, uncompressBlock, uncompressFrames } from "../base/snappy.ts";
import type { ByteSource } from "../columns/column.ts";
import { FileSource } from "../db/file-source.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { type Config, forkAtEpoch, forkVersion } from "../spec/config.ts";
import { FORK_NAMES, Fork, type ForkName, forkName, isForkName } from "../spec/fork.ts";
import { decodeSsz } from "../spec/ssz-decode.ts";
import { valueFromJson } from "../spec/ssz-json.ts";
import { BeaconState } from "../spec/state.ts";
import { readingFrom } from "./exit.ts";
import { type Format, formatOfName, readInput } from "./input.ts";
import { type SszObject, StateObject, ValueObject } from "./ssz-object.ts";

export interface LoadOptions {
  readonly spec: ChainSpec;
  readonly typeName: string;
  readonly fork: Fork | undefined;
  readonly from: Format | undefined;
  readonly maxBytes: number;
}

/** Byte offset of `slot` in the encodings that have one at a fixed place. */
const SLOT_OFFSETS: Record<string, number> = {
  BeaconBlock: 0,
  BeaconBlockHeader: 0,
  // An offset and a signature come first.
  SignedBeaconBlock: 100,
};

/** Genesis time, validators root, slot and previous version come before a state's current version. */
const STATE_VERSION_OFFSET = 52;

export async function loadObject(name: string, options: LoadOptions): Promise<SszObject> {
  checkTypeName(options);
  const isPlainState = options.typeName === "BeaconState" && (options.from ?? formatOfName(name)) === "ssz";
  if (isPlainState && name !== "-" && !/^[a-z]+:\/\//.test(name)) return loadStateFile(name, options);
  const input = await readInput(name, options.maxBytes);
  const format = options.from ?? input.format ?? sniffFormat(input.bytes);
  return readingFrom(input.label, options.typeName, () => {
    if (format === "json" || format === "yaml") {
      return fromText(input.label, Buffer.from(input.bytes).toString("utf8"), format, input.fork, options);
    }
    const bytes = format === "ssz_snappy" ? decompress(input.bytes, options.maxBytes) : input.bytes;
    const fork = chooseFork(options, input.fork, (config) => forkFromBytes(options, bytes, config));
    return fromBytes(input.label, bytes, fork, options);
  });
}

/** The exact type of the name; undefined where the fork has none. */
export function typeNamed(spec: ChainSpec, fork: ForkName, name: string): Type<unknown> | undefined {
  const types = spec.exactTypes[fork] as unknown as Record<string, Type<unknown>>;
  return Object.hasOwn(types, name) ? types[name] : undefined;
}

function checkTypeName({ spec, typeName }: LoadOptions): void {
  if (FORK_NAMES.some((fork) => typeNamed(spec, fork, typeName))) return;
  throw new UsageError(`no type ${JSON.stringify(typeName)}: "cresset ssz types" lists all`);
}

/** A state is read from its file piece by piece. */
function loadStateFile(name: string, options: LoadOptions): SszObject {
  const source = new FileSource(name);
  try {
    return readingFrom(name, "BeaconState", () => {
      const head = source.read(0, Math.min(source.length, STATE_VERSION_OFFSET + 4));
      const fork = chooseFork(options, undefined, (config) => forkFromBytes(options, head, config));
      return new StateObject(name, forkName(fork), decodeState(options.spec, fork, source));
    });
  } finally {
    source.close();
  }
}

function fromBytes(label: string, bytes: Uint8Array, fork: Fork, options: LoadOptions): SszObject {
  if (options.typeName === "BeaconState") {
    return new StateObject(label, forkName(fork), decodeState(options.spec, fork, bytes));
  }
  const type = typeOfFork(options, fork);
  return new ValueObject({
    label,
    typeName: options.typeName,
    fork: forkName(fork),
    type,
    value: decodeSsz(type, bytes),
  });
}

function decodeState(spec: ChainSpec, fork: Fork, input: Uint8Array | ByteSource): BeaconState {
  return BeaconState.decode(spec, fork, input);
}

function fromText(
  label: string,
  text: string,
  format: "json" | "yaml",
  told: ForkName | undefined,
  options: LoadOptions,
): SszObject {
  const { json, version } = unwrap(format === "json" ? parseJson(text) : parseYaml(text));
  const fork = chooseFork(options, told ?? version, (config) => forkFromJson(options, json, config));
  const type = typeOfFork(options, fork);
  const value = valueFromJson(type, json);
  if (options.typeName === "BeaconState") {
    return new StateObject(label, forkName(fork), decodeState(options.spec, fork, type.serialize(value)));
  }
  return new ValueObject({ label, typeName: options.typeName, fork: forkName(fork), type, value });
}

function typeOfFork({ spec, typeName }: LoadOptions, fork: Fork): Type<unknown> {
  const type = typeNamed(spec, forkName(fork), typeName);
  if (!type) throw new UsageError(`${forkName(fork)} has no ${typeName}`);
  return type;
}

/** The fork that the user, the API or the object itself tells; any where the type is the same in all. */
function chooseFork(
  options: LoadOptions,
  told: ForkName | undefined,
  infer: (config: Config) => Fork | undefined,
): Fork {
  if (options.fork !== undefined) return options.fork;
  if (told !== undefined) return Fork[told];
  const having = FORK_NAMES.filter((fork) => typeNamed(options.spec, fork, options.typeName));
  const variants = new Set(having.map((fork) => typeNamed(options.spec, fork, options.typeName)));
  if (variants.size === 1) return Fork[having.at(-1)!];
  const fork = infer(options.spec.config);
  if (fork !== undefined) return fork;
  throw new UsageError(`${options.typeName} differs between forks and the input does not tell: give --fork`);
}

function forkFromBytes({ spec, typeName }: LoadOptions, bytes: Uint8Array, config: Config): Fork | undefined {
  if (typeName === "BeaconState") return forkOfVersion(config, bytes.subarray(STATE_VERSION_OFFSET));
  const at = SLOT_OFFSETS[typeName];
  if (at === undefined || bytes.length < at + 8) return undefined;
  const slot = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0, true);
  return forkAtEpoch(config, Number(slot / BigInt(spec.preset.SLOTS_PER_EPOCH)));
}

function forkFromJson({ spec, typeName }: LoadOptions, json: unknown, config: Config): Fork | undefined {
  const field = (value: unknown, key: string) => (value as Record<string, unknown> | null | undefined)?.[key];
  if (typeName === "BeaconState") {
    const version = field(field(json, "fork"), "current_version");
    return typeof version === "string" && /^0x[0-9a-fA-F]{8}$/.test(version)
      ? forkOfVersion(config, fromHex(version))
      : undefined;
  }
  const slot = field(typeName === "SignedBeaconBlock" ? field(json, "message") : json, "slot");
  if (!Object.hasOwn(SLOT_OFFSETS, typeName) || !/^[0-9]{1,16}$/.test(String(slot))) return undefined;
  return forkAtEpoch(config, Math.floor(Number(slot) / spec.preset.SLOTS_PER_EPOCH));
}

function forkOfVersion(config: Config, version: Uint8Array): Fork | undefined {
  return Object.values(Fork).findLast((fork) => forkVersion(config, fork).every((byte, i) => byte === version[i]));
}

function sniffFormat(bytes: Uint8Array): Format {
  if (isFramed(bytes)) return "ssz_snappy";
  const start = Buffer.from(bytes.subarray(0, 64)).toString("latin1").trimStart();
  return /^(\{\s*("|$)|\[)/.test(start) ? "json" : "ssz";
}

function decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  return isFramed(bytes) ? uncompressFrames(bytes, maxBytes) : uncompressBlock(bytes, maxBytes);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DecodeError(`not JSON: ${(cause as Error).message}`, "", -1, { cause });
  }
}

/** Scalars stay text, so that no number is rounded. */
function parseYaml(text: string): unknown {
  try {
    const document = parseDocument(text, { schema: "failsafe", logLevel: "error" });
    const error = document.errors[0];
    if (error) throw new DecodeError(`not YAML: ${error.message.split("\n")[0]}`, "", error.pos[0]);
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause;
    throw new DecodeError(`not YAML: ${(cause as Error).message}`, "", -1, { cause });
  }
}

/** An API's answer has the object under `data`, and may name the fork. */
function unwrap(json: unknown): { json: unknown; version?: ForkName } {
  if (typeof json !== "object" || json === null || !("data" in json)) return { json };
  const { version, data } = json as { version?: unknown; data: unknown };
  const isEnvelope = "version" in json || "execution_optimistic" in json || Object.keys(json).length === 1;
  // SignedAggregate and the like hold `data` beside other fields of their own.
  if (!isEnvelope) return { json };
  return { json: data, ...(typeof version === "string" && isForkName(version) && { version }) };
}
