/**
 * Drives an execution client as a beacon node would: heads, payloads, time, without a beacon chain.
 */
import { ZERO_BYTES32 } from "../../src/base/bytes.ts";
import type { BuiltPayload, ExecutionEngine, PayloadVerdict } from "../../src/chain/engine/port.ts";
import { sha256 } from "../../src/crypto/sha256.ts";
import type { Withdrawal } from "../../src/spec/containers.ts";
import { Fork } from "../../src/spec/fork.ts";
import { kzgCommitmentToVersionedHash } from "../../src/spec/misc.ts";

export interface DrivenBlock {
  readonly built: BuiltPayload;
  readonly verdict: PayloadVerdict;
}

export interface NextBlockOptions {
  readonly withdrawals?: Withdrawal[];
  /** How long the engine may build. */
  readonly buildMs?: number;
  readonly fork?: Fork;
  /** A second after the block before, by default. */
  readonly timestamp?: bigint;
}

export class EngineDriver {
  head: Uint8Array;
  timestamp: bigint;
  readonly #engine: ExecutionEngine;
  readonly #fork: Fork;
  #count = 0;

  constructor(engine: ExecutionEngine, fork: Fork, genesisHash: Uint8Array, genesisTimestamp: bigint) {
    this.#engine = engine;
    this.#fork = fork;
    this.head = genesisHash;
    this.timestamp = genesisTimestamp;
  }

  /** Lets the engine build on the head, hands the payload back as a block, and makes it the head. */
  async nextBlock(options: NextBlockOptions = {}): Promise<DrivenBlock> {
    this.timestamp = options.timestamp ?? this.timestamp + 1n;
    this.#count++;
    const fork = options.fork ?? this.#fork;
    const parentBeaconBlockRoot = sha256(Uint8Array.of(1, this.#count));
    const started = await this.#engine.forkchoiceUpdated(this.#forkchoice(), fork, {
      timestamp: this.timestamp,
      prevRandao: sha256(Uint8Array.of(2, this.#count)),
      suggestedFeeRecipient: new Uint8Array(20).fill(0xfe),
      ...(fork >= Fork.capella && { withdrawals: options.withdrawals ?? [] }),
      ...(fork >= Fork.deneb && { parentBeaconBlockRoot }),
    });
    if (started.payloadId === undefined) throw new Error(`no payload is built: ${describe(started)}`);
    await new Promise((resolve) => setTimeout(resolve, options.buildMs ?? 0));
    const built = await this.#engine.getPayload(fork, started.payloadId);
    const verdict = await this.#engine.notifyNewPayload({
      fork,
      payload: built.payload,
      ...(fork >= Fork.deneb && {
        versionedHashes: built.blobsBundle!.commitments.map(kzgCommitmentToVersionedHash),
        parentBeaconBlockRoot,
      }),
      ...(fork >= Fork.electra && { executionRequests: built.executionRequests! }),
    });
    if (verdict.status !== "valid") throw new Error(`the engine refuses its own payload: ${describe(verdict)}`);
    this.head = built.payload.blockHash;
    const chosen = await this.#engine.forkchoiceUpdated(this.#forkchoice(), fork);
    if (chosen.status !== "valid") throw new Error(`the engine does not follow: ${describe(chosen)}`);
    return { built, verdict };
  }

  #forkchoice() {
    return { headBlockHash: this.head, safeBlockHash: ZERO_BYTES32, finalizedBlockHash: ZERO_BYTES32 };
  }
}

function describe(verdict: PayloadVerdict): string {
  return verdict.status === "unavailable" ? verdict.cause.message : `${verdict.status} ${verdict.error ?? ""}`;
}
