/**
 * What a proposer puts into a block beside operations: the eth1 vote, the payload, its requests.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/validator.md
 */
import { bytesEqual, toHex, ZERO_BYTES32 } from "../base/bytes.ts";
import { assertValid, DecodeError } from "../base/errors.ts";
import { getCurrentEpoch, getRandaoMix } from "./accessors.ts";
import { getExpectedWithdrawals } from "./block/withdrawals.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { CONSOLIDATION_REQUEST_TYPE, DEPOSIT_REQUEST_TYPE, WITHDRAWAL_REQUEST_TYPE } from "./constants.ts";
import type { BeaconBlock, Eth1Data, ExecutionRequests, PowBlock, Withdrawal } from "./containers.ts";
import { Fork } from "./fork.ts";
import { computeTimeAtSlot } from "./misc.ts";
import { isMergeTransitionComplete } from "./predicates.ts";
import { trustingVerifier } from "./signature-sets.ts";
import type { BeaconState } from "./state.ts";
import { stateTransition } from "./transition.ts";

/** A block of the execution chain before the merge of deposits into payloads. */
export interface Eth1ChainBlock {
  readonly timestamp: number;
  /** @spec get_eth1_data (phase0) */
  readonly eth1Data: Eth1Data;
}

/** @spec voting_period_start_time (phase0) */
export function votingPeriodStartTime(state: BeaconState): number {
  const { EPOCHS_PER_ETH1_VOTING_PERIOD, SLOTS_PER_EPOCH } = state.spec.preset;
  return computeTimeAtSlot(state, state.slot - (state.slot % (EPOCHS_PER_ETH1_VOTING_PERIOD * SLOTS_PER_EPOCH)));
}

/** @spec is_candidate_block (phase0) */
export function isCandidateBlock(spec: ChainSpec, block: { readonly timestamp: number }, periodStart: number): boolean {
  const followSeconds = spec.config.SECONDS_PER_ETH1_BLOCK * spec.config.ETH1_FOLLOW_DISTANCE;
  return block.timestamp + followSeconds <= periodStart && block.timestamp + followSeconds * 2 >= periodStart;
}

/**
 * @spec get_eth1_vote (phase0, electra)
 * @param eth1Chain by ascending height
 */
export function getEth1Vote(state: BeaconState, eth1Chain: readonly Eth1ChainBlock[]): Eth1Data {
  // [New in Electra:EIP6110]
  if (state.fork >= Fork.electra && BigInt(state.eth1DepositIndex) === state.depositRequestsStartIndex)
    return state.eth1Data;

  const periodStart = votingPeriodStartTime(state);
  const candidates = eth1Chain
    .filter((block) => isCandidateBlock(state.spec, block, periodStart))
    .map((block) => block.eth1Data)
    // A vote for less deposits than are in force cannot be served.
    .filter((eth1Data) => eth1Data.depositCount >= state.eth1Data.depositCount);
  const eligible = new Set(candidates.map(voteKey));

  const tally = new Map<string, { vote: Eth1Data; count: number }>();
  for (const vote of state.eth1DataVotes) {
    const key = voteKey(vote);
    if (!eligible.has(key)) continue;
    const entry = tally.get(key);
    if (entry) entry.count++;
    else tally.set(key, { vote, count: 1 });
  }
  // In order of first appearance, so that the earliest of equals wins.
  let best: { vote: Eth1Data; count: number } | undefined;
  for (const entry of tally.values()) if (!best || entry.count > best.count) best = entry;
  return best?.vote ?? candidates.at(-1) ?? state.eth1Data;
}

/** @spec get_eth1_pending_deposit_count (electra) */
export function getEth1PendingDepositCount(state: BeaconState): number {
  const limit = Math.min(Number(state.eth1Data.depositCount), Number(state.depositRequestsStartIndex));
  return Math.min(state.spec.preset.MAX_DEPOSITS, Math.max(0, limit - state.eth1DepositIndex));
}

/**
 * The state root that a block on top of this state must carry.
 * @spec compute_new_state_root (phase0)
 * @param state not mutated
 */
export function computeNewStateRoot(state: BeaconState, block: BeaconBlock): Uint8Array {
  const signedBlock = { message: block, signature: new Uint8Array(96) };
  const options = { validateResult: false, verifier: trustingVerifier };
  return stateTransition(state.clone(), signedBlock, options).hashTreeRoot();
}

/** @spec get_pow_block_at_terminal_total_difficulty (bellatrix), of a chain by block hash in hexadecimal */
export function getPowBlockAtTerminalTotalDifficulty(
  spec: ChainSpec,
  powChain: ReadonlyMap<string, PowBlock>,
): PowBlock | undefined {
  const { TERMINAL_TOTAL_DIFFICULTY } = spec.config;
  for (const block of powChain.values()) {
    if (block.totalDifficulty < TERMINAL_TOTAL_DIFFICULTY) continue;
    // The genesis block has no parent, so reaching the difficulty is enough.
    if (bytesEqual(block.parentHash, ZERO_BYTES32)) return block;
    const parent = powChain.get(toHex(block.parentHash));
    assertValid(parent !== undefined, "POW_PARENT_UNKNOWN", { parentHash: block.parentHash });
    if (parent.totalDifficulty < TERMINAL_TOTAL_DIFFICULTY) return block;
  }
  return undefined;
}

/** @spec get_terminal_pow_block (bellatrix), of a chain by block hash in hexadecimal */
export function getTerminalPowBlock(spec: ChainSpec, powChain: ReadonlyMap<string, PowBlock>): PowBlock | undefined {
  const { TERMINAL_BLOCK_HASH } = spec.config;
  // A configured hash takes precedence over the difficulty.
  if (!bytesEqual(TERMINAL_BLOCK_HASH, ZERO_BYTES32)) return powChain.get(toHex(TERMINAL_BLOCK_HASH));
  return getPowBlockAtTerminalTotalDifficulty(spec, powChain);
}

/** @spec PayloadAttributes (bellatrix, capella, deneb) */
export interface PayloadAttributes {
  readonly timestamp: number;
  readonly prevRandao: Uint8Array;
  readonly suggestedFeeRecipient: Uint8Array;
  /** From capella on. */
  readonly withdrawals?: Withdrawal[];
  /** From deneb on. */
  readonly parentBeaconBlockRoot?: Uint8Array;
}

/** What the execution engine must be told for it to build a payload. */
export interface PayloadPreparation {
  readonly headBlockHash: Uint8Array;
  readonly payloadAttributes: PayloadAttributes;
}

/**
 * @spec prepare_execution_payload (bellatrix, capella, deneb), up to the call of the engine
 * @param state advanced to the slot of the proposal
 * @param powChain before the merge
 * @returns undefined where no payload is due yet
 */
export function prepareExecutionPayload(
  state: BeaconState,
  suggestedFeeRecipient: Uint8Array,
  powChain?: ReadonlyMap<string, PowBlock>,
): PayloadPreparation | undefined {
  const headBlockHash = parentPayloadHash(state, powChain);
  if (!headBlockHash) return undefined;
  const base = {
    timestamp: computeTimeAtSlot(state, state.slot),
    prevRandao: getRandaoMix(state, getCurrentEpoch(state)),
    suggestedFeeRecipient,
  };
  if (state.fork < Fork.capella) return { headBlockHash, payloadAttributes: base };
  const { withdrawals } = getExpectedWithdrawals(state);
  if (state.fork < Fork.deneb) return { headBlockHash, payloadAttributes: { ...base, withdrawals } };
  // [New in Deneb:EIP4788]
  const parentBeaconBlockRoot = state.spec.types.phase0.BeaconBlockHeader.hashTreeRoot(state.latestBlockHeader);
  return { headBlockHash, payloadAttributes: { ...base, withdrawals, parentBeaconBlockRoot } };
}

function parentPayloadHash(state: BeaconState, powChain?: ReadonlyMap<string, PowBlock>): Uint8Array | undefined {
  const { spec } = state;
  if (state.fork >= Fork.capella || isMergeTransitionComplete(state)) {
    return state.latestExecutionPayloadHeader.blockHash;
  }
  const { TERMINAL_BLOCK_HASH, TERMINAL_BLOCK_HASH_ACTIVATION_EPOCH } = spec.config;
  const hasTerminalHash = !bytesEqual(TERMINAL_BLOCK_HASH, ZERO_BYTES32);
  if (hasTerminalHash && getCurrentEpoch(state) < TERMINAL_BLOCK_HASH_ACTIVATION_EPOCH) return undefined;
  assertValid(powChain !== undefined, "POW_CHAIN_MISSING");
  return getTerminalPowBlock(spec, powChain)?.blockHash;
}

/**
 * Decodes what the execution engine returned beside a payload.
 * @spec get_execution_requests (electra)
 * @throws DecodeError naming the request
 */
export function getExecutionRequests(spec: ChainSpec, requestsList: readonly Uint8Array[]): ExecutionRequests {
  const { DepositRequests, WithdrawalRequests, ConsolidationRequests } = spec.types.electra;
  const requests: ExecutionRequests = { deposits: [], withdrawals: [], consolidations: [] };
  let previousType = -1;
  for (const [position, request] of requestsList.entries()) {
    const where = `executionRequests[${position}]`;
    const type = request[0] ?? -1;
    if (request.length < 2) throw new DecodeError("an execution request without data", where, 0);
    if (type <= previousType) throw new DecodeError(`request type ${type} after type ${previousType}`, where, 0);
    previousType = type;
    const data = request.slice(1);
    if (type === DEPOSIT_REQUEST_TYPE) requests.deposits = decodeRequests(DepositRequests, data, where);
    else if (type === WITHDRAWAL_REQUEST_TYPE) requests.withdrawals = decodeRequests(WithdrawalRequests, data, where);
    else if (type === CONSOLIDATION_REQUEST_TYPE) {
      requests.consolidations = decodeRequests(ConsolidationRequests, data, where);
    } else throw new DecodeError(`unknown request type ${type}`, where, 0);
  }
  return requests;
}

function decodeRequests<V>(type: { deserialize(bytes: Uint8Array): V }, data: Uint8Array, where: string): V {
  try {
    return type.deserialize(data);
  } catch (error) {
    throw new DecodeError(error instanceof Error ? error.message : String(error), where, 1, { cause: error });
  }
}

function voteKey(vote: Eth1Data): string {
  return `${toHex(vote.depositRoot)}${toHex(vote.blockHash)}${vote.depositCount}`;
}
