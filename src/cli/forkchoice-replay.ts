/**
 * Runs the steps of a fork-choice case: ticks, blocks, votes, verdicts of the execution engine, and checks.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/fork_choice/README.md
 */
import type { Type } from "@chainsafe/ssz";
import { fromHex, toHex } from "../base/bytes.ts";
import { DecodeError, InvalidBlock } from "../base/errors.ts";
import { acceptingEngine, type ExecutionEngine } from "../spec/block/execution-payload.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { Attestation, BeaconBlock, ExecutionPayload, PowBlock } from "../spec/containers.ts";
import type { Fork } from "../spec/fork.ts";
import { isDataAvailable, type RetrievedData } from "../spec/fork-choice/data-availability.ts";
import type { FastConfirmationStore } from "../spec/fork-choice/fast-confirmation.ts";
import { getFastConfirmationStore, onFastConfirmation, rootsInUse } from "../spec/fork-choice/fast-confirmation.ts";
import { onAttestation, onAttesterSlashing } from "../spec/fork-choice/on-attestation.ts";
import { onBlock, type ReceivedBlock } from "../spec/fork-choice/on-block.ts";
import { onTick } from "../spec/fork-choice/on-tick.ts";
import { onInvalidPayload, onValidPayload } from "../spec/fork-choice/optimistic.ts";
import { ExecutionStatus } from "../spec/fork-choice/proto-array.ts";
import { prune } from "../spec/fork-choice/prune.ts";
import { getCurrentSlot, getForkchoiceStore, type Store } from "../spec/fork-choice/store.ts";
import { forkTypes } from "../spec/fork-types.ts";
import type { Verifier } from "../spec/signature-sets.ts";
import { decodeSsz } from "../spec/ssz-decode.ts";
import { BeaconState } from "../spec/state.ts";
import { readingFrom } from "./exit.ts";
import { checkStore, type StoreChecks } from "./forkchoice-checks.ts";

/** The files of a case, by name without extension. */
export interface CaseFiles {
  /** Decompressed SSZ. */
  ssz(name: string): Uint8Array;
}

/** One entry of steps.yaml; which fields are there tells what to do. */
export interface Step {
  readonly valid?: boolean;
  readonly tick?: number;
  readonly attestation?: string;
  readonly attester_slashing?: string;
  readonly block?: string;
  readonly blobs?: string;
  readonly proofs?: readonly string[];
  readonly columns?: readonly string[];
  readonly pow_block?: string;
  readonly block_hash?: string;
  readonly payload_status?: PayloadStatus;
  readonly checks?: StoreChecks;
}

interface PayloadStatus {
  readonly status: string;
  readonly latest_valid_hash: string | null;
}

/** What a step did: `problems` is empty when it went as the case says. */
export interface StepResult {
  readonly kind: string;
  /** The rule that refused the step's object, if one did. */
  readonly refusal: string | undefined;
  readonly problems: readonly string[];
}

type Kind = "tick" | "attestation" | "attester_slashing" | "block" | "pow_block" | "payload_status" | "checks";
const KINDS: readonly Kind[] = [
  "tick",
  "attestation",
  "attester_slashing",
  "block",
  "pow_block",
  "payload_status",
  "checks",
];

/** The state of a replay between two steps. */
export class ForkchoiceReplay {
  readonly store: Store;
  readonly fcrStore: FastConfirmationStore;
  readonly #files: CaseFiles;
  readonly #verifier: Verifier;
  readonly #prunes: boolean;
  readonly #spec: ChainSpec;
  readonly #fork: Fork;
  readonly #states = new Map<string, BeaconState>();
  #waiting: Attestation[] = [];
  readonly #powBlocks = new Map<string, PowBlock>();
  readonly #payloadStatuses = new Map<string, PayloadStatus>();

  /** @param parts.prunes drop blocks and states after each step as finality allows, as a node does */
  constructor(parts: { spec: ChainSpec; fork: Fork; files: CaseFiles; verifier: Verifier; prunes?: boolean }) {
    this.#files = parts.files;
    this.#verifier = parts.verifier;
    this.#prunes = parts.prunes ?? false;
    this.#spec = parts.spec;
    this.#fork = parts.fork;
    const anchorState = BeaconState.decode(parts.spec, parts.fork, this.#files.ssz("anchor_state"));
    const anchorBlock = this.#read(this.#types.BeaconBlock, "anchor_block");
    const blockStates = { get: (root: Uint8Array) => this.#states.get(toHex(root)) };
    this.store = getForkchoiceStore({ anchorState, anchorBlock, blockStates });
    this.#states.set(toHex(this.store.finalizedCheckpoint.root), anchorState);
    this.fcrStore = getFastConfirmationStore(this.store);
  }

  /** Runs one step. @throws only where the case itself is broken */
  run(step: Step): StepResult {
    const kind = KINDS.find((name) => step?.[name] !== undefined);
    if (kind === undefined) throw new DecodeError(`unknown step ${JSON.stringify(step).slice(0, 200)}`);
    let refusal: string | undefined;
    const problems: string[] = [];
    try {
      problems.push(...this.#apply(kind, step));
    } catch (error) {
      if (!(error instanceof InvalidBlock)) throw error;
      refusal = error.message;
    }
    const isValid = step.valid ?? true;
    if (isValid && refusal !== undefined) problems.push(`${kind} refused: ${refusal}`);
    if (!isValid && refusal === undefined) problems.push(`${kind} accepted, but must be refused`);
    if (this.#prunes) this.#prune();
    return { kind, refusal, problems };
  }

  #apply(kind: Kind, step: Step): string[] {
    const { store } = this;
    switch (kind) {
      case "tick":
        onTick(store, step.tick!);
        this.#applyWaiting();
        return [];
      case "attestation":
        this.#applyAttestation(step);
        return [];
      case "attester_slashing": {
        const slashing = this.#read(this.#types.AttesterSlashing, step.attester_slashing!);
        onAttesterSlashing(store, slashing, { verifier: this.#verifier });
        return [];
      }
      case "pow_block": {
        const block = this.#read(this.#types.PowBlock, step.pow_block!);
        this.#powBlocks.set(toHex(block.blockHash), block);
        return [];
      }
      case "block":
        this.#applyBlock(step);
        return [];
      case "payload_status":
        this.#applyPayloadStatus(step.block_hash!, step.payload_status!);
        return [];
      case "checks":
        return checkStore(store, this.fcrStore, step.checks!, () => onFastConfirmation(this.fcrStore));
      default:
        return kind satisfies never;
    }
  }

  /** A vote of the current slot waits for the next one, as in a node, unless the case wants it refused. */
  #applyAttestation(step: Step): void {
    const attestation = this.#read(this.#types.Attestation, step.attestation!);
    const isEarly = attestation.data.slot >= getCurrentSlot(this.store);
    if (isEarly && (step.valid ?? true)) this.#waiting.push(attestation);
    else onAttestation(this.store, attestation, { verifier: this.#verifier });
  }

  #applyWaiting(): void {
    const slot = getCurrentSlot(this.store);
    const ripe = this.#waiting.filter((attestation) => attestation.data.slot < slot);
    this.#waiting = this.#waiting.filter((attestation) => attestation.data.slot >= slot);
    for (const attestation of ripe) onAttestation(this.store, attestation, { verifier: this.#verifier });
  }

  /** A block brings its attestations and slashings with it. */
  #applyBlock(step: Step): void {
    const signedBlock = this.#read(this.#types.SignedBeaconBlock, step.block!);
    const block = signedBlock.message;
    const root = this.#types.BeaconBlock.hashTreeRoot(block);
    const received = { signedBlock, root, fork: this.#fork };
    try {
      const state = onBlock(this.store, received, {
        verifier: this.#verifier,
        executionEngine: this.#engine(),
        isDataAvailable: (it) => this.#isDataAvailable(it, step),
        getPowBlock: (hash) => this.#powBlocks.get(toHex(hash)),
        executionStatus: () => this.#executionStatus(block),
      });
      if (state) this.#states.set(toHex(root), state);
    } catch (error) {
      this.#condemnChain(root, block);
      throw error;
    }
    const { body } = block;
    for (const attestation of body.attestations) {
      onAttestation(this.store, attestation, { verifier: this.#verifier, isFromBlock: true });
    }
    for (const slashing of body.attesterSlashings)
      onAttesterSlashing(this.store, slashing, { verifier: this.#verifier });
  }

  #isDataAvailable(received: ReceivedBlock, step: Step): boolean {
    const { DataColumnSidecar, Blob } = this.#types;
    // A step without data stands for nothing to retrieve, one with an empty list of columns for a failed retrieval.
    const columns = step.columns?.map((name) => this.#read(DataColumnSidecar, name));
    const data: RetrievedData = {
      blobs: step.blobs === undefined ? [] : splitBytes(this.#files.ssz(step.blobs), Blob.fixedSize!),
      proofs: step.proofs?.map(parseHex) ?? [],
      ...(columns?.length === 0 ? {} : { columns: columns ?? [] }),
    };
    return isDataAvailable(this.#spec, received, data);
  }

  /** Answers as the last `payload_status` step for the payload says; accepts what no step spoke of. */
  #engine(): ExecutionEngine {
    return {
      verifyAndNotifyNewPayload: (request) => {
        const told = this.#payloadStatuses.get(toHex(request.executionPayload.blockHash));
        return told === undefined ? acceptingEngine.verifyAndNotifyNewPayload(request) : !isInvalid(told);
      },
    };
  }

  #executionStatus(block: BeaconBlock): ExecutionStatus {
    const told = this.#toldOf(block);
    return told === undefined || told.status === "VALID" ? ExecutionStatus.valid : ExecutionStatus.notValidated;
  }

  #toldOf(block: BeaconBlock): PayloadStatus | undefined {
    const payload = block.body.executionPayload as ExecutionPayload | undefined;
    return payload && this.#payloadStatuses.get(toHex(payload.blockHash));
  }

  #applyPayloadStatus(blockHash: string, told: PayloadStatus): void {
    this.#payloadStatuses.set(blockHash, told);
    const { array } = this.store;
    for (let row = 0; row < array.length; row++) {
      if (toHex(array.executionBlockHashes.subarray(row * 32, row * 32 + 32)) !== blockHash) continue;
      const root = array.rootAt(row);
      if (told.status === "VALID") onValidPayload(this.store, root);
      if (isInvalid(told)) onInvalidPayload(this.store, { root, parentRoot: root }, latestValidHash(told));
    }
  }

  /** A refused payload may be the engine's first word on its ancestors. */
  #condemnChain(root: Uint8Array, block: BeaconBlock): void {
    const told = this.#toldOf(block);
    if (told && isInvalid(told)) {
      onInvalidPayload(this.store, { root, parentRoot: block.parentRoot }, latestValidHash(told));
    }
  }

  #prune(): void {
    for (const root of prune(this.store, rootsInUse(this.fcrStore))) {
      const key = toHex(root);
      this.#states.get(key)?.drop();
      this.#states.delete(key);
    }
  }

  #read<T>(type: Type<T>, name: string): T {
    return readingFrom(name, type.typeName, () => decodeSsz(type, this.#files.ssz(name)));
  }

  get #types() {
    return forkTypes({ spec: this.#spec, fork: this.#fork });
  }
}

function isInvalid(told: PayloadStatus): boolean {
  return told.status === "INVALID" || told.status === "INVALID_BLOCK_HASH";
}

function latestValidHash(told: PayloadStatus): Uint8Array | undefined {
  return told.latest_valid_hash === null ? undefined : parseHex(told.latest_valid_hash);
}

function parseHex(hex: string): Uint8Array {
  try {
    return fromHex(String(hex));
  } catch (cause) {
    throw new DecodeError((cause as Error).message, "", -1, { cause });
  }
}

function splitBytes(bytes: Uint8Array, size: number): Uint8Array[] {
  if (bytes.length % size !== 0)
    throw new DecodeError(`${bytes.length} bytes are not a whole number of items of ${size}`);
  return Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
