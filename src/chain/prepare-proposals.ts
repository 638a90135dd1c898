/**
 * Payloads begun before they are asked for: late in a slot, when one of this node's validators proposes the next.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/bellatrix/validator.md
 */
import { getBeaconProposerIndex } from "../spec/accessors.ts";
import { prepareExecutionPayload } from "../spec/block-production.ts";
import { Fork } from "../spec/fork.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import type { Chain } from "./chain.ts";
import type { Proposers } from "./proposers.ts";
import { terminalBlocks } from "./terminal-block.ts";

/** Share of the slot after which the next one's parent is known nearly always. */
const PREPARE_AT = 5 / 6;

/** @returns ends it */
export function prepareProposals(parts: { chain: Chain; proposers: Proposers }): () => void {
  const { slotClock, log } = parts.chain;
  parts.chain.isProposing = (slot) => preparedProposer(parts, slot) !== undefined;
  return slotClock.atIntoSlot(slotClock.slotMs * PREPARE_AT, (slot) => {
    prepareProposal(parts, slot + 1).catch((error: unknown) => log.warn({ err: error, slot }, "no payload was begun"));
  });
}

async function prepareProposal(
  { chain, proposers }: { chain: Chain; proposers: Proposers },
  slot: number,
): Promise<void> {
  if (chain.syncStatus().isSyncing) return;
  const feeRecipient = preparedProposer({ chain, proposers }, slot);
  if (chain.execution === undefined || feeRecipient === undefined) return;
  const root = chain.following.expectedParent(slot);
  const state = await chain.states.stateAtSlot(root, slot);
  if (state === undefined || state.fork < Fork.bellatrix) return;
  const preparation = prepareExecutionPayload(state, feeRecipient, terminalBlocks(chain.spec));
  if (preparation === undefined) return;
  const { headBlockHash, payloadAttributes: attributes } = preparation;
  const payloadId = await chain.following.startPayload({ headBlockHash, attributes, slot });
  if (payloadId !== undefined) chain.following.keepPayload(root, slot, payloadId);
}

/** Fee recipient of the slot's proposer, if it is one of this node's. */
function preparedProposer(
  { chain, proposers }: { chain: Chain; proposers: Proposers },
  slot: number,
): Uint8Array | undefined {
  // Also makes the next slot's state ready, at the end of an epoch the next epoch's.
  const proposer = getBeaconProposerIndex(chain.headStateAt(slot));
  return proposers.preparedFeeRecipient(proposer, computeEpochAtSlot(chain.spec, slot));
}
