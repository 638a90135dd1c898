/**
 * The one way of a block into the chain, whoever brought it.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/fork-choice.md
 */
import { InvalidBlock } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { histogram } from "../base/metrics.ts";
import { verifySetsAsync } from "../crypto/bls.ts";
import type { Database } from "../db/database.ts";
import { getBlockRoot, getCurrentEpoch } from "../spec/accessors.ts";
import { getAttestingIndices } from "../spec/attestations.ts";
import { acceptingEngine } from "../spec/block/execution-payload.ts";
import { onVerifiedAttestation, onVerifiedAttesterSlashing } from "../spec/fork-choice/on-attestation.ts";
import { addBlock, validateOnBlock } from "../spec/fork-choice/on-block.ts";
import { isOptimisticCandidateBlock, onValidPayload } from "../spec/fork-choice/optimistic.ts";
import { ExecutionStatus } from "../spec/fork-choice/proto-array.ts";
import { getCurrentSlot, type Store } from "../spec/fork-choice/store.ts";
import { computeStartSlotAtEpoch } from "../spec/misc.ts";
import { CollectingVerifier, trustingVerifier } from "../spec/signature-sets.ts";
import type { BeaconState } from "../spec/state.ts";
import { stateTransition } from "../spec/transition.ts";
import type { Availability } from "./availability.ts";
import type { PayloadVerdict } from "./engine/port.ts";
import { type EngineLink, newPayloadRequest, statusOf } from "./engine-link.ts";
import { type IncomingBlock, toBlockRecord } from "./incoming-block.ts";
import { condemnPayload } from "./payload-verdicts.ts";
import type { States } from "./states.ts";

export type ImportResult =
  | { readonly status: "imported"; readonly isOptimistic: boolean }
  | { readonly status: "known" | "future" | "finalized" | "state-unavailable" | "engine-unavailable" }
  | { readonly status: "unknown-parent"; readonly parentRoot: Uint8Array }
  | { readonly status: "unavailable"; readonly missing: readonly number[] }
  | { readonly status: "invalid"; readonly error: InvalidBlock };

export interface ImportParts {
  readonly store: Store;
  readonly states: States;
  readonly database: Database;
  readonly availability: Availability;
  readonly engine: EngineLink;
  readonly log: Logger;
  /** Native threads for signatures and roots. */
  readonly threads: number;
}

const importSeconds = histogram(
  "cresset_block_import_seconds",
  "From the pre-state of an import to its end",
  [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
);

/** What the checks of a block that stand before the transition say, by the code of the rule that it breaks. */
const EARLY: Readonly<Record<string, "future" | "finalized">> = {
  BLOCK_FROM_FUTURE: "future",
  BLOCK_NOT_AFTER_FINALIZED: "finalized",
};

/** Nothing else may import meanwhile. The data of the block must be here. Throws only what is nobody's fault but ours or the disk's. */
export async function importBlock(parts: ImportParts, block: IncomingBlock): Promise<ImportResult> {
  const early = checkEarly(parts, block);
  if (early !== undefined) return early;
  // What is replayed was complete when it was written; its data may have expired since.
  const missing = block.source === "replay" ? [] : parts.availability.missing(block);
  if (missing.length > 0) return { status: "unavailable", missing };
  const preState = await parts.states.load(block.signedBlock.message.parentRoot);
  if (preState === undefined) return { status: "state-unavailable" };
  const end = importSeconds.startTimer();
  try {
    return await enter(parts, block, await check(parts, block, preState));
  } catch (error) {
    if (!(error instanceof InvalidBlock)) throw error;
    return { status: "invalid", error };
  } finally {
    end();
  }
}

/** The verdicts that need neither state nor data. */
export function checkEarly(
  { store }: { readonly store: Store },
  { signedBlock, root }: IncomingBlock,
): ImportResult | undefined {
  if (store.array.indexOf(root) >= 0) return { status: "known" };
  const { parentRoot } = signedBlock.message;
  if (store.array.indexOf(parentRoot) < 0) {
    const finalizedSlot = store.finalizedCheckpoint.epoch * store.spec.preset.SLOTS_PER_EPOCH;
    if (signedBlock.message.slot <= finalizedSlot) return { status: "finalized" };
    return { status: "unknown-parent", parentRoot };
  }
  try {
    validateOnBlock(store, signedBlock.message);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidBlock)) throw error;
    const status = EARLY[error.code];
    return status === undefined ? { status: "invalid", error } : { status };
  }
}

interface Checked {
  readonly state: BeaconState;
  readonly verdict: PayloadVerdict;
  readonly hasPayload: boolean;
}

/** Transition, signatures and payload, side by side. @throws InvalidBlock */
async function check(parts: ImportParts, block: IncomingBlock, preState: BeaconState): Promise<Checked> {
  const { threads } = parts;
  const isReplay = block.source === "replay";
  const request = newPayloadRequest(parts.store.spec, block.fork, block.signedBlock);
  // Replay must not wait for an engine; what it has not judged stays optimistic until it has.
  const judged: Promise<PayloadVerdict> =
    isReplay && !parts.engine.isAbsent ? Promise.resolve({ status: "syncing" }) : parts.engine.judge(request);
  // A transition that throws leaves the engine's answer to nobody.
  judged.catch(() => {});
  const collecting = new CollectingVerifier();
  const verifier = isReplay ? trustingVerifier : collecting;
  const pre = preState.clone();
  let state = pre;
  try {
    const options = { validateResult: true, verifier, executionEngine: acceptingEngine, threads };
    state = stateTransition(pre, block.signedBlock, options);
    const [areSigned, verdict] = await Promise.all([
      collecting.sets.length === 0 || verifySetsAsync(collecting.sets, { threads }),
      judged,
    ]);
    if (!areSigned) throw await signatureError(block, collecting, threads);
    return { state, verdict, hasPayload: request !== undefined };
  } catch (error) {
    state.drop();
    throw error;
  }
}

/** The proposer's signature is not part of the root, so that only without it anybody can spoil a good block. */
async function signatureError(
  { root }: IncomingBlock,
  { sets }: CollectingVerifier,
  threads: number,
): Promise<InvalidBlock> {
  // The transition asks for the proposer's first.
  const isOfProposer = await verifySetsAsync(sets.slice(0, 1), { threads });
  return new InvalidBlock(isOfProposer ? "BLOCK_OPERATION_SIGNATURE_INVALID" : "BLOCK_SIGNATURE_INVALID", { root });
}

/** Writes the block, then adds it to fork choice with its votes. */
async function enter(parts: ImportParts, block: IncomingBlock, checked: Checked): Promise<ImportResult> {
  const { store, states, database } = parts;
  const { state, verdict } = checked;
  const { message } = block.signedBlock;
  const refused = judgePayload(parts, block, checked);
  if (refused !== undefined) {
    state.drop();
    return refused;
  }
  // Finality may have moved while the block was checked.
  const early = checkEarly(parts, block);
  if (early !== undefined) {
    state.drop();
    return early;
  }
  if (block.source !== "replay") await database.blocks.append([toBlockRecord(block)]);
  await holdCheckpoints(parts, state);
  const status = statusOf(verdict, checked.hasPayload)!;
  addBlock(store, block, state, status);
  states.add(block.root, state);
  if (status === ExecutionStatus.valid) onValidPayload(store, message.parentRoot);
  applyVotes(store, state, block);
  return { status: "imported", isOptimistic: status === ExecutionStatus.notValidated };
}

/** What may become justified with this block weighs votes at once: its state must be at hand when the block enters. */
async function holdCheckpoints({ store, states }: ImportParts, state: BeaconState): Promise<void> {
  const epoch = getCurrentEpoch(state);
  const boundaries = [epoch - 1, epoch].filter((at) => at >= 0 && computeStartSlotAtEpoch(store.spec, at) < state.slot);
  const roots = [state.currentJustifiedCheckpoint.root, ...boundaries.map((at) => getBlockRoot(state, at))];
  for (const root of roots) {
    if (store.array.indexOf(root) >= 0) await states.load(root);
  }
}

function judgePayload(parts: ImportParts, block: IncomingBlock, checked: Checked): ImportResult | undefined {
  const { verdict, hasPayload } = checked;
  const { store } = parts;
  const { message } = block.signedBlock;
  if (statusOf(verdict, hasPayload) === undefined) {
    const { latestValidHash, error } = verdict as { latestValidHash?: Uint8Array; error?: string };
    condemnPayload(parts, { root: block.root, parentRoot: message.parentRoot }, latestValidHash);
    const values = {
      root: block.root,
      blockHash: message.body.executionPayload.blockHash,
      engine: error ?? "no reason",
    };
    return { status: "invalid", error: new InvalidBlock("PAYLOAD_REFUSED_BY_ENGINE", values) };
  }
  const isUnjudged = hasPayload && verdict.status !== "valid";
  if (isUnjudged && block.source !== "replay" && !isOptimisticCandidateBlock(store, getCurrentSlot(store), message)) {
    return { status: "engine-unavailable" };
  }
  return undefined;
}

/** The block's attestations and slashings, checked with it, count in fork choice. @spec on_block's callers (phase0) */
function applyVotes(store: Store, state: BeaconState, { signedBlock }: IncomingBlock): void {
  const { attestations, attesterSlashings } = signedBlock.message.body;
  for (const attestation of attestations) {
    try {
      onVerifiedAttestation(store, attestation.data, getAttestingIndices(state, attestation), true);
    } catch (error) {
      // It votes for a block that this node does not have: legal, and of no weight here.
      if (!(error instanceof InvalidBlock)) throw error;
    }
  }
  for (const { attestation1, attestation2 } of attesterSlashings) {
    onVerifiedAttesterSlashing(store, attestation1.attestingIndices, attestation2.attestingIndices);
  }
}
