/**
 * What a network publishes for its clients, from the folders built in or from one given by the user.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { constants, zstdDecompressSync } from "node:zlib";
import { parseDocument } from "yaml";
import { fromHex } from "../base/bytes.ts";
import { DecodeError, StorageError, UsageError } from "../base/errors.ts";
import type { Config } from "../spec/config.ts";
import { parseConfig } from "../spec/config-file.ts";

const BUILT_IN = join(import.meta.dirname, "../networks");
const MAX_TEXT_BYTES = 1 << 20;
const MAX_GENESIS_BYTES = 1 << 30;
const MAX_LIST_ITEMS = 1000;

export interface CheckpointEndpoint {
  readonly name: string;
  readonly url: string;
}

export interface Network {
  readonly name: string;
  readonly folder: string;
  /** Absent for a network whose config changes with every restart of it. */
  readonly config?: Config;
  /** Keys of the config that mean nothing here, and keys that it lacks. */
  readonly unknownKeys: readonly string[];
  readonly missingKeys: readonly string[];
  /** Ethereum node records (`enr:...`). */
  readonly bootNodes: readonly string[];
  readonly checkpointEndpoints: readonly CheckpointEndpoint[];
  readonly depositContractBlock?: number;
  readonly genesisValidatorsRoot?: Uint8Array;
}

export function builtInNetworks(): string[] {
  return readdirSync(BUILT_IN).sort();
}

/** A network by its built-in name. */
export function loadNetwork(name: string): Network {
  if (!builtInNetworks().includes(name)) {
    throw new UsageError(`no network ${JSON.stringify(name)}: known are ${builtInNetworks().join(", ")}`);
  }
  return readNetwork(name, join(BUILT_IN, name));
}

/** A network from a folder laid out as networks publish it: config.yaml, bootstrap_nodes.yaml, genesis.ssz, ... */
export function loadNetworkFolder(folder: string): Network {
  if (!existsSync(join(folder, "config.yaml"))) throw new UsageError(`${folder} holds no config.yaml`);
  return readNetwork(undefined, folder);
}

/** SSZ of the network's genesis state; undefined where the folder has none. */
export function genesisState(network: Network): Uint8Array | undefined {
  const plain = join(network.folder, "genesis.ssz");
  if (existsSync(plain)) return readBounded(plain, MAX_GENESIS_BYTES);
  const packed = join(network.folder, "genesis.ssz.zst");
  if (!existsSync(packed)) return undefined;
  try {
    const params = { [constants.ZSTD_d_windowLogMax]: 27 };
    return zstdDecompressSync(readBounded(packed, MAX_GENESIS_BYTES), { maxOutputLength: MAX_GENESIS_BYTES, params });
  } catch (cause) {
    throw new StorageError(`${packed}: not a zstd file of at most ${MAX_GENESIS_BYTES} bytes`, { cause });
  }
}

function readNetwork(name: string | undefined, folder: string): Network {
  const parsed = readText(folder, "config.yaml", parseConfig);
  const block = readText(folder, "deposit_contract_block.txt", parseBlockNumber);
  const root = readText(folder, "genesis_validators_root.txt", parseRoot);
  const address = readText(folder, "deposit_contract.txt", (text) => text.trim().toLowerCase());
  if (parsed && address && fromHexAddress(address) !== fromHexAddress(parsed.config.DEPOSIT_CONTRACT_ADDRESS)) {
    throw new StorageError(`${folder}: deposit_contract.txt contradicts DEPOSIT_CONTRACT_ADDRESS of config.yaml`);
  }
  return {
    name: name ?? parsed!.config.CONFIG_NAME,
    folder,
    unknownKeys: parsed?.unknown ?? [],
    missingKeys: parsed?.missing ?? [],
    bootNodes: ["bootstrap_nodes.yaml", "boot_enr.yaml"].flatMap(
      (file) => readText(folder, file, parseBootNodes) ?? [],
    ),
    checkpointEndpoints: readText(folder, "checkpoint-sync-endpoints.yaml", parseEndpoints) ?? [],
    ...(parsed && { config: parsed.config }),
    ...(block !== undefined && { depositContractBlock: block }),
    ...(root && { genesisValidatorsRoot: root }),
  };
}

/** Reads and parses a file that may be absent; errors name it. */
function readText<T>(folder: string, file: string, parse: (text: string) => T): T | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  const text = Buffer.from(readBounded(path, MAX_TEXT_BYTES)).toString("utf8");
  try {
    return parse(text);
  } catch (cause) {
    throw new StorageError(`${path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function readBounded(path: string, limit: number): Uint8Array {
  const { size } = statSync(path);
  if (size > limit) throw new StorageError(`${path}: ${size} bytes, at most ${limit} are read`);
  return readFileSync(path);
}

function fromHexAddress(address: string | Uint8Array): string {
  return typeof address === "string" ? address : `0x${Buffer.from(address).toString("hex")}`;
}

function parseBlockNumber(text: string): number {
  const digits = text.trim();
  if (!/^[0-9]{1,15}$/.test(digits)) throw new DecodeError(`${JSON.stringify(digits.slice(0, 40))} is no block number`);
  return Number(digits);
}

function parseRoot(text: string): Uint8Array {
  const digits = text.trim();
  if (!/^0x[0-9a-fA-F]{64}$/.test(digits)) throw new DecodeError("32 bytes in 0x-hexadecimal are expected");
  return fromHex(digits);
}

function parseBootNodes(text: string): string[] {
  return parseList(text).map((item, i) => {
    if (typeof item === "string" && /^enr:[A-Za-z0-9_-]{16,512}$/.test(item)) return item;
    throw new DecodeError(`item ${i} is no node record (enr:...)`);
  });
}

function parseEndpoints(text: string): CheckpointEndpoint[] {
  return parseList(text).map((item, i) => {
    const { endpoint, name } = (typeof item === "object" && item !== null ? item : {}) as Record<string, unknown>;
    if (typeof endpoint !== "string" || !URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
      throw new DecodeError("endpoint is no http address", `[${i}].endpoint`);
    }
    return { url: endpoint, name: typeof name === "string" ? name : new URL(endpoint).hostname };
  });
}

function parseList(text: string): unknown[] {
  const document = parseDocument(text, { schema: "failsafe", logLevel: "error" });
  const error = document.errors[0];
  if (error) throw new DecodeError(`not YAML: ${error.message.split("\n")[0]}`);
  const list: unknown = document.toJS({ maxAliasCount: 0 }) ?? [];
  if (!Array.isArray(list)) throw new DecodeError("a list is expected");
  if (list.length > MAX_LIST_ITEMS) throw new DecodeError(`${list.length} items, at most ${MAX_LIST_ITEMS}`);
  return list;
}
