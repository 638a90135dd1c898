/**
 * The configuration of a network: fork schedule, time, churn and networking parameters.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/configs/README.md
 */
import { fromHex } from "../base/bytes.ts";
import { DecodeError } from "../base/errors.ts";
import { Fork } from "./fork.ts";
import type { PresetName } from "./preset.ts";

/** `positive` values divide or bound something; `epoch` may be 2^64-1 (never), which reads as Infinity. */
export type ConfigKind = "uint" | "positive" | "bps" | "epoch" | "uint256" | "bytes4" | "bytes20" | "bytes32";

const FAR = "18446744073709551615";
const ZERO_HASH = `0x${"00".repeat(32)}`;
const TTD_MAINNET = "58750000000000000000000";
const TTD_MINIMAL = "115792089237316195423570985008687907853269984665640564039457584007913129638912";
const DEPOSIT_MAINNET = "0x00000000219ab540356cBB839Cbe05303d7705Fa";
const DEPOSIT_MINIMAL = "0x1234567890123456789012345678901234567890";

/** Name: kind, value of the mainnet config, value of the minimal config. */
export const CONFIG_TABLE = {
  TERMINAL_TOTAL_DIFFICULTY: ["uint256", TTD_MAINNET, TTD_MINIMAL],
  TERMINAL_BLOCK_HASH: ["bytes32", ZERO_HASH, ZERO_HASH],
  TERMINAL_BLOCK_HASH_ACTIVATION_EPOCH: ["epoch", FAR, FAR],
  MIN_GENESIS_ACTIVE_VALIDATOR_COUNT: ["positive", 16_384, 64],
  MIN_GENESIS_TIME: ["uint", 1_606_824_000, 1_578_009_600],
  GENESIS_FORK_VERSION: ["bytes4", "0x00000000", "0x00000001"],
  GENESIS_DELAY: ["uint", 604_800, 300],
  ALTAIR_FORK_VERSION: ["bytes4", "0x01000000", "0x01000001"],
  ALTAIR_FORK_EPOCH: ["epoch", 74_240, FAR],
  BELLATRIX_FORK_VERSION: ["bytes4", "0x02000000", "0x02000001"],
  BELLATRIX_FORK_EPOCH: ["epoch", 144_896, FAR],
  CAPELLA_FORK_VERSION: ["bytes4", "0x03000000", "0x03000001"],
  CAPELLA_FORK_EPOCH: ["epoch", 194_048, FAR],
  DENEB_FORK_VERSION: ["bytes4", "0x04000000", "0x04000001"],
  DENEB_FORK_EPOCH: ["epoch", 269_568, FAR],
  ELECTRA_FORK_VERSION: ["bytes4", "0x05000000", "0x05000001"],
  ELECTRA_FORK_EPOCH: ["epoch", 364_032, FAR],
  FULU_FORK_VERSION: ["bytes4", "0x06000000", "0x06000001"],
  FULU_FORK_EPOCH: ["epoch", 411_392, FAR],
  SLOT_DURATION_MS: ["positive", 12_000, 6000],
  SECONDS_PER_ETH1_BLOCK: ["positive", 14, 14],
  MIN_VALIDATOR_WITHDRAWABILITY_DELAY: ["uint", 256, 256],
  SHARD_COMMITTEE_PERIOD: ["uint", 256, 64],
  ETH1_FOLLOW_DISTANCE: ["uint", 2048, 16],
  PROPOSER_REORG_CUTOFF_BPS: ["bps", 1667, 1667],
  ATTESTATION_DUE_BPS: ["bps", 3333, 3333],
  AGGREGATE_DUE_BPS: ["bps", 6667, 6667],
  SYNC_MESSAGE_DUE_BPS: ["bps", 3333, 3333],
  CONTRIBUTION_DUE_BPS: ["bps", 6667, 6667],
  INACTIVITY_SCORE_BIAS: ["uint", 4, 4],
  INACTIVITY_SCORE_RECOVERY_RATE: ["uint", 16, 16],
  EJECTION_BALANCE: ["uint", 16_000_000_000, 16_000_000_000],
  MIN_PER_EPOCH_CHURN_LIMIT: ["positive", 4, 2],
  CHURN_LIMIT_QUOTIENT: ["positive", 65_536, 32],
  MAX_PER_EPOCH_ACTIVATION_CHURN_LIMIT: ["positive", 8, 4],
  MIN_PER_EPOCH_CHURN_LIMIT_ELECTRA: ["positive", 128_000_000_000, 64_000_000_000],
  MAX_PER_EPOCH_ACTIVATION_EXIT_CHURN_LIMIT: ["positive", 256_000_000_000, 128_000_000_000],
  PROPOSER_SCORE_BOOST: ["uint", 40, 40],
  REORG_HEAD_WEIGHT_THRESHOLD: ["uint", 20, 20],
  REORG_PARENT_WEIGHT_THRESHOLD: ["uint", 160, 160],
  REORG_MAX_EPOCHS_SINCE_FINALIZATION: ["uint", 2, 2],
  CONFIRMATION_BYZANTINE_THRESHOLD: ["uint", 25, 25],
  DEPOSIT_CHAIN_ID: ["uint", 1, 5],
  DEPOSIT_NETWORK_ID: ["uint", 1, 5],
  DEPOSIT_CONTRACT_ADDRESS: ["bytes20", DEPOSIT_MAINNET, DEPOSIT_MINIMAL],
  MAX_PAYLOAD_SIZE: ["positive", 10_485_760, 10_485_760],
  MAX_REQUEST_BLOCKS: ["positive", 1024, 1024],
  EPOCHS_PER_SUBNET_SUBSCRIPTION: ["positive", 256, 256],
  ATTESTATION_PROPAGATION_SLOT_RANGE: ["positive", 32, 32],
  MAXIMUM_GOSSIP_CLOCK_DISPARITY: ["uint", 500, 500],
  MESSAGE_DOMAIN_INVALID_SNAPPY: ["bytes4", "0x00000000", "0x00000000"],
  MESSAGE_DOMAIN_VALID_SNAPPY: ["bytes4", "0x01000000", "0x01000000"],
  SUBNETS_PER_NODE: ["positive", 2, 2],
  ATTESTATION_SUBNET_COUNT: ["positive", 64, 64],
  ATTESTATION_SUBNET_EXTRA_BITS: ["uint", 0, 0],
  MAX_REQUEST_BLOCKS_DENEB: ["positive", 128, 128],
  MIN_EPOCHS_FOR_BLOB_SIDECARS_REQUESTS: ["positive", 4096, 4096],
  BLOB_SIDECAR_SUBNET_COUNT: ["positive", 6, 6],
  MAX_BLOBS_PER_BLOCK: ["positive", 6, 6],
  BLOB_SIDECAR_SUBNET_COUNT_ELECTRA: ["positive", 9, 9],
  MAX_BLOBS_PER_BLOCK_ELECTRA: ["positive", 9, 9],
  NUMBER_OF_CUSTODY_GROUPS: ["positive", 128, 128],
  DATA_COLUMN_SIDECAR_SUBNET_COUNT: ["positive", 128, 128],
  SAMPLES_PER_SLOT: ["positive", 8, 8],
  CUSTODY_REQUIREMENT: ["positive", 4, 4],
  VALIDATOR_CUSTODY_REQUIREMENT: ["positive", 8, 8],
  BALANCE_PER_ADDITIONAL_CUSTODY_GROUP: ["positive", 32_000_000_000, 32_000_000_000],
  MIN_EPOCHS_FOR_DATA_COLUMN_SIDECARS_REQUESTS: ["positive", 4096, 4096],
} as const satisfies ConfigTable;

/** Parameters of forks to come: checked when a config has them, not missed when it has not. */
export const LATER_CONFIG_TABLE = {
  GLOAS_FORK_VERSION: ["bytes4", "0x07000000", "0x07000001"],
  GLOAS_FORK_EPOCH: ["epoch", FAR, FAR],
  HEZE_FORK_VERSION: ["bytes4", "0x08000000", "0x08000001"],
  HEZE_FORK_EPOCH: ["epoch", FAR, FAR],
  MIN_BUILDER_WITHDRAWABILITY_DELAY: ["uint", 64, 2],
  ATTESTATION_DUE_BPS_GLOAS: ["bps", 2500, 2500],
  AGGREGATE_DUE_BPS_GLOAS: ["bps", 5000, 5000],
  SYNC_MESSAGE_DUE_BPS_GLOAS: ["bps", 2500, 2500],
  CONTRIBUTION_DUE_BPS_GLOAS: ["bps", 5000, 5000],
  PAYLOAD_DUE_BPS: ["bps", 5000, 5000],
  PAYLOAD_ATTESTATION_DUE_BPS: ["bps", 7500, 7500],
  INCLUSION_LIST_DUE_BPS: ["bps", 6667, 6667],
  CHURN_LIMIT_QUOTIENT_GLOAS: ["positive", 32_768, 16],
  CONSOLIDATION_CHURN_LIMIT_QUOTIENT: ["positive", 65_536, 32],
  MAX_PER_EPOCH_ACTIVATION_CHURN_LIMIT_GLOAS: ["positive", 256_000_000_000, 128_000_000_000],
  MAX_REQUEST_PAYLOADS: ["positive", 128, 128],
  MAX_REQUEST_INCLUSION_LIST: ["positive", 16, 16],
  MIN_SLOTS_FOR_INCLUSION_LISTS_REQUESTS: ["positive", 1, 1],
  MAX_TRANSACTIONS_BYTES_PER_INCLUSION_LIST: ["positive", 8192, 8192],
} as const satisfies ConfigTable;

export type ConfigTable = Record<string, readonly [ConfigKind, number | string, number | string]>;
type Table = typeof CONFIG_TABLE & typeof LATER_CONFIG_TABLE;
export type ConfigValue<Kind extends ConfigKind> = Kind extends "uint256"
  ? bigint
  : Kind extends "uint" | "positive" | "bps" | "epoch"
    ? number
    : Uint8Array;

export type BlobScheduleEntry = { readonly EPOCH: number; readonly MAX_BLOBS_PER_BLOCK: number };

export type Config = {
  readonly CONFIG_NAME: string;
  readonly PRESET_BASE: PresetName;
  readonly BLOB_SCHEDULE: readonly BlobScheduleEntry[];
} & { readonly [Key in keyof Table]: ConfigValue<Table[Key][0]> };

const MAINNET_BLOB_SCHEDULE: BlobScheduleEntry[] = [
  { EPOCH: 412_672, MAX_BLOBS_PER_BLOCK: 15 },
  { EPOCH: 419_072, MAX_BLOBS_PER_BLOCK: 21 },
];

export const MAINNET_CONFIG: Config = column("mainnet", 1, MAINNET_BLOB_SCHEDULE);
export const MINIMAL_CONFIG: Config = column("minimal", 2, []);

/** The config that a preset's own tests use, and the source of values that a file leaves out. */
export function defaultConfig(preset: PresetName): Config {
  return preset === "mainnet" ? MAINNET_CONFIG : MINIMAL_CONFIG;
}

/** The epoch at which a fork starts; Infinity where it never does. */
export function forkEpoch(config: Config, fork: Fork): number {
  switch (fork) {
    case Fork.phase0:
      return 0;
    case Fork.altair:
      return config.ALTAIR_FORK_EPOCH;
    case Fork.bellatrix:
      return config.BELLATRIX_FORK_EPOCH;
    case Fork.capella:
      return config.CAPELLA_FORK_EPOCH;
    case Fork.deneb:
      return config.DENEB_FORK_EPOCH;
    case Fork.electra:
      return config.ELECTRA_FORK_EPOCH;
    case Fork.fulu:
      return config.FULU_FORK_EPOCH;
    default:
      return fork satisfies never;
  }
}

export function forkVersion(config: Config, fork: Fork): Uint8Array {
  switch (fork) {
    case Fork.phase0:
      return config.GENESIS_FORK_VERSION;
    case Fork.altair:
      return config.ALTAIR_FORK_VERSION;
    case Fork.bellatrix:
      return config.BELLATRIX_FORK_VERSION;
    case Fork.capella:
      return config.CAPELLA_FORK_VERSION;
    case Fork.deneb:
      return config.DENEB_FORK_VERSION;
    case Fork.electra:
      return config.ELECTRA_FORK_VERSION;
    case Fork.fulu:
      return config.FULU_FORK_VERSION;
    default:
      return fork satisfies never;
  }
}

/** The newest fork that has started by `epoch`. */
export function forkAtEpoch(config: Config, epoch: number): Fork {
  let fork: Fork = Fork.fulu;
  while (fork > Fork.phase0 && epoch < forkEpoch(config, fork)) fork = (fork - 1) as Fork;
  return fork;
}

/** Reads one value of the kind; throws DecodeError that names the key. */
export function parseConfigValue(key: string, kind: ConfigKind, text: string): number | bigint | Uint8Array {
  if (kind.startsWith("bytes")) return parseHexValue(key, Number(kind.slice(5)), text);
  if (!/^[0-9]{1,78}$/.test(text))
    throw new DecodeError(`${JSON.stringify(text.slice(0, 80))} is not a whole number`, key);
  const value = BigInt(text);
  if (kind === "uint256") {
    if (value >= 1n << 256n) throw new DecodeError("larger than 2^256-1", key);
    return value;
  }
  if (kind === "epoch" && text === FAR) return Infinity;
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError(`${text} is larger than 2^53-1`, key);
  if (kind === "positive" && value === 0n) throw new DecodeError("must not be 0", key);
  if (kind === "bps" && value > 10_000n) throw new DecodeError(`${text} is more than 10000 basis points`, key);
  return Number(value);
}

function parseHexValue(key: string, length: number, text: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]*$/.test(text))
    throw new DecodeError(`${JSON.stringify(text.slice(0, 80))} is not 0x-hexadecimal`, key);
  if (text.length !== 2 + 2 * length) {
    throw new DecodeError(`${length} bytes expected, ${(text.length - 2) / 2} given`, key);
  }
  return fromHex(text);
}

function column(name: PresetName, index: 1 | 2, schedule: BlobScheduleEntry[]): Config {
  const rows = Object.entries({ ...CONFIG_TABLE, ...LATER_CONFIG_TABLE });
  const values = rows.map(([key, row]) => [key, parseConfigValue(key, row[0], String(row[index]))]);
  const head = { CONFIG_NAME: name, PRESET_BASE: name, BLOB_SCHEDULE: Object.freeze(schedule) };
  return Object.freeze({ ...head, ...Object.fromEntries(values) }) as Config;
}
