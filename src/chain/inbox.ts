/**
 * Messages of the network on their way to verdict and chain: decoded, judged by the rule of their topic, handed over.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { DecodeError, InvalidBlock } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { counter, gauge } from "../base/metrics.ts";
import type { BlobSidecar, DataColumnSidecar } from "../spec/containers.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { validateBeaconBlockGossip } from "../spec/gossip/beacon-block.ts";
import { validateBlobSidecarGossip } from "../spec/gossip/blob-sidecar.ts";
import { validateDataColumnSidecarGossip } from "../spec/gossip/data-column-sidecar.ts";
import type { GossipMessage } from "../spec/gossip/message.ts";
import type { GossipTopic } from "../spec/gossip/topic.ts";
import { ignore, type Verdict } from "../spec/gossip/verdict.ts";
import { decodeSsz } from "../spec/ssz-decode.ts";
import type { BeaconState } from "../spec/state.ts";
import { BatchingVerifier, VerifierFull } from "./batching-verifier.ts";
import type { Chain } from "./chain.ts";
import type { ColumnVerifier } from "./column-verifier.ts";
import { decodeIncomingBlock, type IncomingBlock } from "./incoming-block.ts";
import { MessageRules } from "./message-rules.ts";
import type { Pools } from "./pools/pools.ts";

/** Messages of a topic that may be judged at a time; beyond, new ones are ignored. Blocks and data come first. */
const LIMITS: Readonly<Record<GossipTopic, number>> = {
  beacon_block: 64,
  blob_sidecar: 256,
  data_column_sidecar: 1024,
  beacon_aggregate_and_proof: 4096,
  beacon_attestation: 16_384,
  sync_committee_contribution_and_proof: 1024,
  sync_committee: 4096,
  voluntary_exit: 128,
  proposer_slashing: 64,
  attester_slashing: 64,
  bls_to_execution_change: 1024,
  light_client_finality_update: 8,
  light_client_optimistic_update: 8,
};

const verdicts = counter("cresset_inbox_verdicts_total", "Gossip messages by topic and verdict", ["topic", "verdict"]);
const pending = gauge("cresset_inbox_pending", "Gossip messages being judged", { labels: ["topic"] });

export class Inbox {
  readonly #chain: Chain;
  readonly #log: Logger;
  readonly #verifier: BatchingVerifier;
  readonly #columns: ColumnVerifier | undefined;
  readonly #rules: MessageRules;
  readonly #pending = new Map<GossipTopic, number>();

  /** @param parts.columns checks proofs of columns; without it they are checked one by one on this thread */
  constructor(parts: {
    chain: Chain;
    pools: Pools;
    log: Logger;
    verifier?: BatchingVerifier;
    columns?: ColumnVerifier;
  }) {
    this.#chain = parts.chain;
    this.#log = parts.log.child({ part: "gossip" });
    this.#verifier = parts.verifier ?? new BatchingVerifier();
    this.#columns = parts.columns;
    this.#rules = new MessageRules({ chain: parts.chain, pools: parts.pools, verifier: this.#verifier });
  }

  /** Never throws: what cannot be decoded is rejected, what is too much is ignored. */
  async onGossip(message: GossipMessage): Promise<Verdict["verdict"]> {
    const { topic } = message;
    const count = this.#pending.get(topic) ?? 0;
    if (count >= LIMITS[topic]) {
      verdicts.inc({ topic, verdict: "shed" });
      return "ignore";
    }
    this.#setPending(topic, count + 1);
    try {
      const verdict = await this.#judge(message);
      verdicts.inc({ topic, verdict: verdict.verdict });
      if (verdict.verdict !== "accept")
        this.#log.debug({ topic, ...verdict, peer: message.peer }, "did not accept a message");
      return verdict.verdict;
    } catch (error) {
      return this.#onError(message, error);
    } finally {
      this.#setPending(topic, this.#pending.get(topic)! - 1);
    }
  }

  #onError({ topic, peer }: GossipMessage, error: unknown): Verdict["verdict"] {
    if (error instanceof DecodeError) {
      verdicts.inc({ topic, verdict: "reject" });
      this.#log.debug({ topic, peer, err: error }, "a message does not decode");
      return "reject";
    }
    verdicts.inc({ topic, verdict: "ignore" });
    // A rule that cannot be decided with what this node knows of the chain is nobody's offence.
    if (!(error instanceof VerifierFull || error instanceof InvalidBlock)) {
      this.#log.error({ topic, peer, err: error }, "a message could not be judged");
    }
    return "ignore";
  }

  #setPending(topic: GossipTopic, count: number): void {
    this.#pending.set(topic, count);
    pending.set({ topic }, count);
  }

  async #judge(message: GossipMessage): Promise<Verdict> {
    if (this.#chain.slotClock.currentSlot() < 0) return ignore("before genesis");
    if (this.#isFarBehind()) return ignore("the head is far behind: messages cannot be judged by it");
    this.#chain.tick();
    switch (message.topic) {
      case "beacon_block":
        return this.#onBlock(message);
      case "data_column_sidecar":
        return this.#onColumn(message);
      case "blob_sidecar":
        return this.#onBlob(message);
      default:
        return this.#rules.judge(message);
    }
  }

  /** To bring the head's state up to the present would cost a transition for every epoch that sync brings anyway. */
  #isFarBehind(): boolean {
    const { slotClock, head, spec } = this.#chain;
    return this.#chain.isSyncing() && slotClock.currentSlot() - head.slot > spec.preset.SLOTS_PER_EPOCH;
  }

  /** The head's state at the current slot: what block and sidecar rules are asked of. */
  #state(): BeaconState {
    return this.#chain.headStateAt(this.#chain.slotClock.currentSlot());
  }

  async #onBlock({ bytes, seenAtMs }: GossipMessage): Promise<Verdict> {
    const chain = this.#chain;
    const block = decodeIncomingBlock(chain.spec, bytes, { source: "gossip", seenAtMs });
    const { seen, view } = chain;
    const nowMs = chain.slotClock.nowMs();
    const verdict = await validateBeaconBlockGossip(
      seen,
      view,
      this.#state(),
      block.signedBlock,
      nowMs,
      this.#verifier,
    );
    const isOrphan =
      verdict.verdict === "ignore" && chain.view.blockSlot(block.signedBlock.message.parentRoot) === undefined;
    if (verdict.verdict === "accept")
      chain.events.emit("block_gossip", { slot: block.signedBlock.message.slot, root: block.root });
    // The verdict does not wait for the import.
    if (verdict.verdict === "accept" || isOrphan) this.#import(block);
    return verdict;
  }

  #import(block: IncomingBlock): void {
    this.#chain.importBlock(block).catch((error: unknown) => {
      this.#log.error({ err: error, slot: block.signedBlock.message.slot }, "a block could not be imported");
    });
  }

  async #onColumn({ bytes, fork, subnet = 0 }: GossipMessage): Promise<Verdict> {
    const chain = this.#chain;
    const sidecar = decodeSsz(forkTypes({ spec: chain.spec, fork }).DataColumnSidecar, bytes) as DataColumnSidecar;
    const nowMs = chain.slotClock.nowMs();
    const { seen, view } = chain;
    const verdict = await validateDataColumnSidecarGossip(
      seen,
      view,
      this.#state(),
      sidecar,
      nowMs,
      subnet,
      this.#verifier,
      this.#columns && ((of) => this.#columns!.verify(of)),
    );
    const { slot } = sidecar.signedBlockHeader.message;
    const root = chain.spec.types.phase0.BeaconBlockHeader.hashTreeRoot(sidecar.signedBlockHeader.message);
    if (verdict.verdict === "accept") {
      await chain.availability.addColumn(root, sidecar);
      chain.events.emit("data_column_sidecar", { root, slot, sidecar });
    }
    return verdict;
  }

  async #onBlob({ bytes, subnet = 0 }: GossipMessage): Promise<Verdict> {
    const chain = this.#chain;
    const sidecar = decodeSsz(chain.spec.types.electra.BlobSidecar, bytes) as BlobSidecar;
    const nowMs = chain.slotClock.nowMs();
    const { seen, view } = chain;
    const verdict = await validateBlobSidecarGossip(seen, view, this.#state(), sidecar, nowMs, subnet, this.#verifier);
    const root = chain.spec.types.phase0.BeaconBlockHeader.hashTreeRoot(sidecar.signedBlockHeader.message);
    if (verdict.verdict === "accept") await chain.availability.addBlob(root, sidecar);
    return verdict;
  }
}
