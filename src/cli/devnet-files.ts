/** The files that describe a local network, for its nodes and for any other client that wants to join. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../base/bytes.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { createChainSpec } from "../spec/chain-spec.ts";
import { type Config, defaultConfig, forkAtEpoch } from "../spec/config.ts";
import type { ExecutionPayloadHeader } from "../spec/containers.ts";
import { FORK_NAMES, type ForkName } from "../spec/fork.ts";
import { initializeInteropState } from "../spec/interop.ts";
import type { PresetName } from "../spec/preset.ts";
import { DEVNET_CHAIN_ID } from "./execution-genesis.ts";

export interface DevnetRules {
  readonly preset: PresetName;
  readonly slotMs: number;
  /** Epochs of forks; those left out never come. */
  readonly forks: Partial<Record<ForkName, number>>;
}

const NEVER = 2n ** 64n - 1n;
/** First byte of the fork versions, which must not be another network's. */
const VERSION_BYTE = 0x20;

export function devnetSpec({ preset, slotMs, forks }: DevnetRules): ChainSpec {
  const config: Record<string, unknown> = {
    ...defaultConfig(preset),
    CONFIG_NAME: "devnet",
    SLOT_DURATION_MS: slotMs,
    SECONDS_PER_SLOT: Math.max(1, Math.round(slotMs / 1000)),
    SHARD_COMMITTEE_PERIOD: 4,
    MIN_VALIDATOR_WITHDRAWABILITY_DELAY: 1,
    TERMINAL_TOTAL_DIFFICULTY: 0n,
    DEPOSIT_CHAIN_ID: DEVNET_CHAIN_ID,
    DEPOSIT_NETWORK_ID: DEVNET_CHAIN_ID,
    BLOB_SCHEDULE: [],
  };
  for (const [k, name] of FORK_NAMES.entries()) {
    const key = name === "phase0" ? "GENESIS" : name.toUpperCase();
    config[`${key}_FORK_VERSION`] = Uint8Array.of(VERSION_BYTE, 0, 0, 0x89 + k);
    if (name !== "phase0") config[`${key}_FORK_EPOCH`] = forks[name] ?? Number.POSITIVE_INFINITY;
  }
  return createChainSpec(config as Config);
}

/** The rules of a network that merges onto an execution chain with this genesis block. */
export function withTerminalBlock({ config }: ChainSpec, blockHash: Uint8Array): ChainSpec {
  return createChainSpec({ ...config, TERMINAL_BLOCK_HASH: blockHash, TERMINAL_BLOCK_HASH_ACTIVATION_EPOCH: 0 });
}

export function writeDevnetFiles(
  spec: ChainSpec,
  folder: string,
  options: { validatorCount: number; genesisTime: number; genesisHeader?: ExecutionPayloadHeader },
): { configFile: string; genesisFile: string } {
  mkdirSync(folder, { recursive: true });
  const configFile = join(folder, "config.yaml");
  const genesisFile = join(folder, "genesis.ssz");
  writeFileSync(configFile, configYaml(spec.config));
  const { validatorCount, genesisTime, genesisHeader } = options;
  const state = initializeInteropState(spec, {
    ...{ validatorCount, genesisTime, fork: forkAtEpoch(spec.config, 0) },
    ...(genesisHeader && { executionPayloadHeader: genesisHeader, eth1BlockHash: genesisHeader.blockHash }),
  });
  writeFileSync(genesisFile, state.encode());
  state.drop();
  return { configFile, genesisFile };
}

/** In the form that every client reads. */
export function configYaml(config: Config): string {
  const lines = Object.entries(config).map(([key, value]) => `${key}: ${yamlValue(value)}`);
  return `${lines.join("\n")}\n`;
}

function yamlValue(value: unknown): string {
  if (value instanceof Uint8Array) return toHex(value);
  if (value === Number.POSITIVE_INFINITY) return NEVER.toString();
  if (typeof value === "string") return `'${value}'`;
  if (Array.isArray(value)) return JSON.stringify(value);
  return String(value);
}
