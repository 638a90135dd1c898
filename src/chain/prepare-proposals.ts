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

/** Share of the slot after which the next one's parent is known nearly always. */
const PREPARE_AT = 5 / 6;

/** @returns ends it */
export function prepareProposals(parts: { chain: Chain; proposers: Proposers }): () => void {
  const { slotClock, log } = parts.chain;
  return slotClock.atIntoSlot(slotClock.slotMs * PREPARE_AT, (slot) => {
    prepareProposal(parts, slot + 1).catch((error: unknown) => log.warn({ err: error, slot }, "no payload was begun"));
  });
}

async function prepareProposal(
  { chain, proposers }: { chain: Chain; proposers: Proposers },
  slot: number,
): Promise<void> {
  if (chain.syncStatus().isSyncing) return;
  const { root } = chain.head;
  // Also makes the next slot's state ready, at the end of an epoch the next epoch's.
  const state = chain.headStateAt(slot);
  if (chain.execution === undefined || state.fork < Fork.bellatrix) return;
  const proposer = getBeaconProposerIndex(state);
  const feeRecipient = proposers.preparedFeeRecipient(proposer, computeEpochAtSlot(chain.spec, slot));
  if (feeRecipient === undefined) return;
  const preparation = prepareExecutionPayload(state, feeRecipient, new Map());
  if (preparation === undefined) return;
  const { headBlockHash, payloadAttributes: attributes } = preparation;
  const payloadId = await chain.startPayload({ headBlockHash, attributes, slot });
  if (payloadId !== undefined) chain.keepPayload(root, slot, payloadId);
}
