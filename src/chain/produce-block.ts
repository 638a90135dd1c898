/**
 * A block to sign, on top of the head.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/validator.md#block-proposal
 */
import { bytesEqual } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { getBeaconProposerIndex } from "../spec/accessors.ts";
import { processBlock } from "../spec/block/block.ts";
import { acceptingEngine } from "../spec/block/execution-payload.ts";
import {
  getEth1Vote,
  getExecutionRequests,
  type PayloadPreparation,
  prepareExecutionPayload,
} from "../spec/block-production.ts";
import type { BeaconBlock, BeaconBlockBody, ExecutionPayload, ExecutionRequests } from "../spec/containers.ts";
import type { ProducedBlock } from "../spec/duties.ts";
import { Fork } from "../spec/fork.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { trustingVerifier } from "../spec/signature-sets.ts";
import type { BeaconState } from "../spec/state.ts";
import type { Chain } from "./chain.ts";
import type { BlobsBundle } from "./engine/port.ts";
import type { KzgCells } from "./kzg-cells.ts";
import { proposalParent } from "./late-reorg.ts";
import { emptyPayload } from "./local-payload.ts";
import { packAttestations } from "./pools/packing.ts";
import type { Pools } from "./pools/pools.ts";
import type { Proposers } from "./proposers.ts";
import { terminalBlocks } from "./terminal-block.ts";

export interface ProduceParts {
  readonly chain: Chain;
  readonly pools: Pools;
  readonly proposers: Proposers;
  readonly kzgCells: KzgCells;
  /** 32 bytes, for validators that have none of their own. */
  readonly graffiti: () => Uint8Array;
}

export interface BlockRequest {
  readonly slot: number;
  readonly randaoReveal: Uint8Array;
  readonly graffiti?: Uint8Array;
}

interface PayloadParts {
  readonly payload?: ExecutionPayload;
  readonly requests?: ExecutionRequests;
  readonly bundle?: BlobsBundle;
  readonly value: bigint;
}

const GWEI = 1_000_000_000n;
/** What an engine gets at least to fill a payload that nobody announced. */
const BUILD_MS = 150;

/** @throws UsageError when the node cannot produce at that slot */
export async function produceBlock(parts: ProduceParts, request: BlockRequest): Promise<ProducedBlock> {
  const { chain } = parts;
  const { slot } = request;
  const currentSlot = chain.slotClock.currentSlot();
  if (slot < currentSlot - 1 || slot > currentSlot + 1)
    throw new UsageError(`slot ${slot} is not about now, ${currentSlot}`);
  if (chain.head.isOptimistic)
    throw new UsageError("the head is not verified by an execution client: nothing may be proposed");
  chain.tick();
  chain.updateHead();
  const parentRoot = proposalParent(chain.store, chain.head, slot);
  const shared = await chain.states.stateAtSlot(parentRoot, slot);
  if (shared === undefined || shared.slot !== slot) throw new UsageError(`slot ${slot} is not after its parent's`);
  const state = shared.clone();
  try {
    return await produceOn(parts, request, state, parentRoot);
  } finally {
    state.drop();
  }
}

async function produceOn(
  parts: ProduceParts,
  request: BlockRequest,
  state: BeaconState,
  parentRoot: Uint8Array,
): Promise<ProducedBlock> {
  const proposerIndex = getBeaconProposerIndex(state);
  const execution = await buildPayload(parts, state, parentRoot, parts.proposers.feeRecipient(proposerIndex));
  const body = {
    ...(forkTypes(state).BeaconBlockBody.defaultValue() as BeaconBlockBody),
    ...fill(parts, request, state, parentRoot),
  };
  if (execution.payload !== undefined) body.executionPayload = execution.payload;
  if (execution.requests !== undefined) body.executionRequests = execution.requests;
  if (execution.bundle !== undefined) body.blobKzgCommitments = [...execution.bundle.commitments];
  const block: BeaconBlock = { slot: request.slot, proposerIndex, parentRoot, stateRoot: new Uint8Array(32), body };
  const post = state.clone();
  try {
    const before = state.balances.getBig(proposerIndex);
    processBlock(post, block, { verifier: trustingVerifier, executionEngine: acceptingEngine });
    block.stateRoot = post.hashTreeRoot();
    const earned = post.balances.getBig(proposerIndex) - before;
    return {
      ...{ fork: state.fork, block, blobs: execution.bundle?.blobs ?? [] },
      kzgProofs: await proofsOf(parts.kzgCells, state.fork, execution.bundle),
      executionPayloadValue: execution.value,
      consensusBlockValue: earned > 0n ? earned * GWEI : 0n,
    };
  } finally {
    post.drop();
  }
}

function fill(
  parts: ProduceParts,
  request: BlockRequest,
  state: BeaconState,
  parentRoot: Uint8Array,
): Partial<BeaconBlockBody> {
  const { pools } = parts;
  const operations = pools.operations.pack(state);
  return {
    randaoReveal: request.randaoReveal,
    eth1Data: getEth1Vote(state, []),
    graffiti: request.graffiti ?? parts.graffiti(),
    ...operations,
    attestations: packAttestations(state, pools.attestations) as BeaconBlockBody["attestations"],
    ...(state.fork >= Fork.altair && {
      syncAggregate: pools.syncCommittee.syncAggregate(request.slot - 1, parentRoot),
    }),
  };
}

async function buildPayload(
  parts: ProduceParts,
  state: BeaconState,
  parentRoot: Uint8Array,
  feeRecipient: Uint8Array,
): Promise<PayloadParts> {
  if (state.fork < Fork.bellatrix) return { value: 0n };
  const { chain } = parts;
  const preparation = prepareExecutionPayload(state, feeRecipient, terminalBlocks(chain.spec));
  if (preparation === undefined) return { value: 0n };
  if (chain.execution === undefined) return { payload: emptyPayload(state, preparation), value: 0n };
  return askEngine(chain, state, preparation, parentRoot);
}

async function askEngine(
  chain: Chain,
  state: BeaconState,
  { headBlockHash, payloadAttributes }: PayloadPreparation,
  parentRoot: Uint8Array,
): Promise<PayloadParts> {
  const prepared = chain.following.preparedPayload(parentRoot, state.slot);
  const payloadId =
    prepared ??
    (await chain.following.startPayload({ headBlockHash, attributes: payloadAttributes, slot: state.slot }));
  if (payloadId === undefined) throw new UsageError("the execution client builds no payload: it is offline or syncing");
  if (prepared === undefined) await new Promise((resolve) => setTimeout(resolve, BUILD_MS));
  const built = await chain.execution!.getPayload(state.fork, payloadId);
  if (!bytesEqual(built.payload.parentHash, headBlockHash))
    throw new UsageError("the execution client built on another block");
  return {
    payload: built.payload,
    ...(state.fork >= Fork.electra && { requests: getExecutionRequests(chain.spec, built.executionRequests ?? []) }),
    ...(built.blobsBundle && { bundle: built.blobsBundle }),
    value: built.value,
  };
}

async function proofsOf(kzgCells: KzgCells, fork: Fork, bundle: BlobsBundle | undefined): Promise<Uint8Array[]> {
  if (bundle === undefined) return [];
  if (fork < Fork.fulu || bundle.proofKind === "cell") return [...bundle.proofs];
  // An engine that knows no cells yet: the proofs are made here.
  const proofs: Uint8Array[] = [];
  for (const [k, blob] of bundle.blobs.entries()) {
    const [, ofBlob] = await kzgCells.compute(blob, bundle.commitments[k]!);
    proofs.push(...ofBlob);
  }
  return proofs;
}
