/**
 * The genesis of a test network's execution chain, in geth's format, and its block as the beacon chain sees it.
 * Proof of stake from the first block on: a beacon chain that begins before bellatrix merges onto the genesis block
 * when its config names that block's hash as TERMINAL_BLOCK_HASH, with activation epoch 0.
 */
import { fromHex, toHex } from "../base/bytes.ts";
import { DecodeError } from "../base/errors.ts";
import { zeroHash } from "../crypto/sha256.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { ExecutionPayloadHeader } from "../spec/containers.ts";
import { Fork, forkName } from "../spec/fork.ts";
import {
  BEACON_ROOTS_ADDRESS,
  BEACON_ROOTS_CODE,
  CONSOLIDATION_REQUESTS_ADDRESS,
  CONSOLIDATION_REQUESTS_CODE,
  DEPOSIT_CONTRACT_CODE,
  HISTORY_STORAGE_ADDRESS,
  HISTORY_STORAGE_CODE,
  WITHDRAWAL_REQUESTS_ADDRESS,
  WITHDRAWAL_REQUESTS_CODE,
} from "./execution-contracts.ts";
import { type DevAccount, devAccounts } from "./execution-keys.ts";

export const DEVNET_CHAIN_ID = 3_151_908;
const GAS_LIMIT = 60_000_000;
const FUNDS = 10n ** 27n; // a billion ether each
const FUNDED_ACCOUNTS = 16;
/** Where the deposit contract keeps the roots of empty subtrees, from height 1 on. */
const FIRST_ZERO_HASH_SLOT = 0x22;
const DEPOSIT_TREE_DEPTH = 32;
/** Of prague's six blobs a block; other targets change the fee as fast. */
const PRAGUE_UPDATE_FRACTION = 5_007_716;
const PRAGUE_TARGET = 6;
const MAX_BLOB_CHANGES = 5;

export interface ExecutionGenesisOptions {
  /** Of the beacon chain, unix seconds. */
  readonly genesisTime: number;
  readonly chainId?: number;
  /** Accounts with funds; the development accounts by default. */
  readonly accounts?: readonly DevAccount[];
  /** Whether the client knows osaka and changes of the blob limit alone; else it stays at prague for good. */
  readonly hasOsaka: boolean;
}

type Allocation = { balance: string; code?: string; nonce?: string; storage?: Record<string, string> };
type BlobLimits = { target: number; max: number; baseFeeUpdateFraction: number };

const CANCUN_BLOBS: BlobLimits = { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477 };

/** The file that `geth init` and `ethereumjs --gethGenesis` read. */
export interface ExecutionGenesis {
  readonly config: Readonly<Record<string, unknown>>;
  readonly timestamp: string;
  readonly alloc: Readonly<Record<string, Allocation>>;
  readonly [field: string]: unknown;
}

export function executionGenesis(spec: ChainSpec, options: ExecutionGenesisOptions): ExecutionGenesis {
  const accounts = options.accounts ?? devAccounts(FUNDED_ACCOUNTS);
  return {
    config: chainConfig(spec, options),
    nonce: "0x0",
    timestamp: hexNumber(options.genesisTime),
    extraData: "0x",
    gasLimit: hexNumber(GAS_LIMIT),
    difficulty: "0x0",
    mixHash: toHex(new Uint8Array(32)),
    coinbase: toHex(new Uint8Array(20)),
    baseFeePerGas: hexNumber(1_000_000_000),
    alloc: {
      ...contracts(spec),
      ...Object.fromEntries(accounts.map(({ address }) => [toHex(address), { balance: hexNumber(FUNDS) }])),
    },
  };
}

function chainConfig(
  spec: ChainSpec,
  { genesisTime, chainId, hasOsaka }: ExecutionGenesisOptions,
): Record<string, unknown> {
  const { config } = spec;
  const time = (epoch: number) =>
    genesisTime + Math.floor((epoch * spec.preset.SLOTS_PER_EPOCH * config.SLOT_DURATION_MS) / 1000);
  const times: Record<string, number> = {};
  const setTime = (name: string, epoch: number) => {
    if (Number.isFinite(epoch)) times[name] = time(epoch);
  };
  setTime("shanghaiTime", config.CAPELLA_FORK_EPOCH);
  setTime("cancunTime", config.DENEB_FORK_EPOCH);
  setTime("pragueTime", config.ELECTRA_FORK_EPOCH);
  if (hasOsaka) setTime("osakaTime", config.FULU_FORK_EPOCH);
  if (hasOsaka) for (const [i, { EPOCH }] of blobChanges(config).entries()) setTime(`bpo${i + 1}Time`, EPOCH);
  return {
    chainId: chainId ?? DEVNET_CHAIN_ID,
    ...forksBeforeMerge(),
    terminalTotalDifficulty: 0,
    terminalTotalDifficultyPassed: true,
    ...times,
    // ethereumjs forgets the other numbers of a fork that the schedule names; its own limits are prague's.
    ...(hasOsaka && { blobSchedule: blobSchedule(spec) }),
    depositContractAddress: toHex(config.DEPOSIT_CONTRACT_ADDRESS),
  };
}

function blobSchedule({ config }: ChainSpec): Record<string, BlobLimits> {
  const limits = blobLimits(config.MAX_BLOBS_PER_BLOCK_ELECTRA);
  const schedule: Record<string, BlobLimits> = { cancun: CANCUN_BLOBS, prague: limits, osaka: limits };
  for (const [i, { MAX_BLOBS_PER_BLOCK }] of blobChanges(config).entries()) {
    schedule[`bpo${i + 1}`] = blobLimits(MAX_BLOBS_PER_BLOCK);
  }
  return schedule;
}

/** Geth has names for five of them. */
function blobChanges({ BLOB_SCHEDULE }: ChainSpec["config"]): ChainSpec["config"]["BLOB_SCHEDULE"] {
  return [...BLOB_SCHEDULE].sort((a, b) => a.EPOCH - b.EPOCH).slice(0, MAX_BLOB_CHANGES);
}

function forksBeforeMerge(): Record<string, number> {
  const names = ["homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg", "istanbul"];
  const blocks = [...names, "berlin", "london"].map((name) => [`${name}Block`, 0]);
  return { ...Object.fromEntries(blocks), mergeNetsplitBlock: 0 };
}

function blobLimits(max: number): BlobLimits {
  const target = Math.max(1, Math.floor((max * 2) / 3));
  return { target, max, baseFeeUpdateFraction: Math.round((PRAGUE_UPDATE_FRACTION * target) / PRAGUE_TARGET) };
}

function contracts(spec: ChainSpec): Record<string, Allocation> {
  const system = (code: string): Allocation => ({ balance: "0x0", nonce: "0x1", code });
  return {
    [BEACON_ROOTS_ADDRESS]: system(BEACON_ROOTS_CODE),
    [HISTORY_STORAGE_ADDRESS]: system(HISTORY_STORAGE_CODE),
    [WITHDRAWAL_REQUESTS_ADDRESS]: system(WITHDRAWAL_REQUESTS_CODE),
    [CONSOLIDATION_REQUESTS_ADDRESS]: system(CONSOLIDATION_REQUESTS_CODE),
    [toHex(spec.config.DEPOSIT_CONTRACT_ADDRESS)]: {
      ...system(DEPOSIT_CONTRACT_CODE),
      storage: depositContractStorage(),
    },
  };
}

/** What its constructor would have stored. */
function depositContractStorage(): Record<string, string> {
  const storage: Record<string, string> = {};
  for (let height = 1; height < DEPOSIT_TREE_DEPTH; height++) {
    const slot = new Uint8Array(32);
    slot[31] = FIRST_ZERO_HASH_SLOT + height - 1;
    storage[toHex(slot)] = toHex(zeroHash(height));
  }
  return storage;
}

function hexNumber(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** A block as eth_getBlockByNumber returns it. */
export type RpcBlock = Readonly<Record<string, unknown>>;

/**
 * The genesis block as the header that a beacon chain starts with when the merge lies behind it.
 * @param block the genesis block, which has neither transactions nor withdrawals
 */
export function genesisPayloadHeader(spec: ChainSpec, fork: Fork, block: RpcBlock): ExecutionPayloadHeader {
  const text = (name: string, fallback?: string): string => {
    const value = block[name] ?? fallback;
    if (typeof value !== "string") throw new DecodeError("text is expected", `genesis block.${name}`);
    return value;
  };
  const types = spec.types[forkName(fork)] as ChainSpec["types"]["fulu"];
  const fields = types.ExecutionPayload.fields;
  return {
    parentHash: fromHex(text("parentHash")),
    feeRecipient: fromHex(text("miner")),
    stateRoot: fromHex(text("stateRoot")),
    receiptsRoot: fromHex(text("receiptsRoot")),
    logsBloom: fromHex(text("logsBloom")),
    prevRandao: fromHex(text("mixHash")),
    blockNumber: BigInt(text("number")),
    gasLimit: BigInt(text("gasLimit")),
    gasUsed: BigInt(text("gasUsed")),
    timestamp: BigInt(text("timestamp")),
    extraData: fromHex(text("extraData")),
    baseFeePerGas: BigInt(text("baseFeePerGas")),
    blockHash: fromHex(text("hash")),
    transactionsRoot: fields.transactions.hashTreeRoot([]),
    ...(fork >= Fork.capella && { withdrawalsRoot: fields.withdrawals.hashTreeRoot([]) }),
    ...(fork >= Fork.deneb && {
      blobGasUsed: BigInt(text("blobGasUsed", "0x0")),
      excessBlobGas: BigInt(text("excessBlobGas", "0x0")),
    }),
  } as ExecutionPayloadHeader;
}
