/**
 * BeaconState in columns.
 *
 * One field table (state-fields.ts) drives everything here: properties, codec, root, clone and accounting.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/beacon-chain.md#beaconstate
 */
import type { ContainerType, Type, ValueOf } from "@chainsafe/ssz";
import { Arena } from "../columns/arena.ts";
import type { BytesColumn } from "../columns/bytes-column.ts";
import { type ByteSource, ceilLog2 } from "../columns/column.ts";
import type { FlagsColumn } from "../columns/flags-column.ts";
import type { RecordColumn } from "../columns/record-column.ts";
import type { U64Column } from "../columns/u64-column.ts";
import { KeyTable } from "../crypto/key-table.ts";
import { merkleizeChunks } from "../crypto/sha256.ts";
import type { ChainSpec } from "./chain-spec.ts";
import type { Types } from "./containers.ts";
import { type Fork, forkName } from "./fork.ts";
import { SmallValue } from "./small-value.ts";
import { StateCache } from "./state-cache.ts";
import { decodeParts, encodedSize, encodeSteps } from "./state-codec.ts";
import { fieldsOf, hasField, STATE_FIELDS } from "./state-fields.ts";
import { writeStateJson } from "./state-json.ts";
import { defaultPart, dropPart, fieldType, isPaged, type Part, rootOfPart } from "./state-parts.ts";
import { getStateNode, getStateProof } from "./state-proof.ts";
import type { Validators } from "./validators.ts";

type Phase0Values = ValueOf<Types["phase0"]["BeaconState"]>;
type FuluValues = ValueOf<Types["fulu"]["BeaconState"]>;

/** The small fields: plain values, which must be replaced and never mutated in place. */
type SmallFields = Pick<
  FuluValues,
  | "genesisTime"
  | "genesisValidatorsRoot"
  | "slot"
  | "latestBlockHeader"
  | "eth1Data"
  | "eth1DepositIndex"
  | "justificationBits"
  | "previousJustifiedCheckpoint"
  | "currentJustifiedCheckpoint"
  | "finalizedCheckpoint"
  | "currentSyncCommittee"
  | "nextSyncCommittee"
  | "latestExecutionPayloadHeader"
  | "nextWithdrawalIndex"
  | "nextWithdrawalValidatorIndex"
  | "depositRequestsStartIndex"
  | "depositBalanceToConsume"
  | "exitBalanceToConsume"
  | "earliestExitEpoch"
  | "consolidationBalanceToConsume"
  | "earliestConsolidationEpoch"
  | "proposerLookahead"
> &
  Pick<Phase0Values, "previousEpochAttestations" | "currentEpochAttestations"> & { forkRecord: FuluValues["fork"] };

type Element<Name extends keyof FuluValues> = FuluValues[Name] extends (infer T)[] ? T : never;

interface Columns {
  readonly blockRoots: BytesColumn;
  readonly stateRoots: BytesColumn;
  readonly historicalRoots: BytesColumn;
  readonly randaoMixes: BytesColumn;
  readonly balances: U64Column;
  readonly slashings: U64Column;
  readonly inactivityScores: U64Column;
  readonly previousEpochParticipation: FlagsColumn;
  readonly currentEpochParticipation: FlagsColumn;
  readonly validators: Validators;
  readonly eth1DataVotes: RecordColumn<Element<"eth1DataVotes">>;
  readonly historicalSummaries: RecordColumn<Element<"historicalSummaries">>;
  readonly pendingDeposits: RecordColumn<Element<"pendingDeposits">>;
  readonly pendingPartialWithdrawals: RecordColumn<Element<"pendingPartialWithdrawals">>;
  readonly pendingConsolidations: RecordColumn<Element<"pendingConsolidations">>;
}

export interface StateOptions {
  /** Where the pages live: a node has one for all its states, under a budget. One of the state's own when absent. */
  arena?: Arena;
  /** The public keys shared by all states; a table of its own when absent. */
  keys?: KeyTable;
}

// The field table below defines exactly these properties.
export interface BeaconState extends SmallFields, Columns {}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see above
export class BeaconState {
  readonly spec: ChainSpec;
  /** The fork as a number; the SSZ field of that name is `forkRecord`. */
  readonly fork: Fork;
  /** Derived data of the current epochs, shared with clones. */
  cache: StateCache;
  /** By position in STATE_FIELDS; undefined where the fork lacks the field. */
  readonly #parts: (Part | undefined)[];

  private constructor(spec: ChainSpec, fork: Fork, parts: (Part | undefined)[], cache: StateCache) {
    this.spec = spec;
    this.fork = fork;
    this.#parts = parts;
    this.cache = cache;
    abandoned.register(this, parts, parts);
  }

  static {
    STATE_FIELDS.forEach((field, position) => {
      Object.defineProperty(BeaconState.prototype, field.property, {
        enumerable: true,
        get(this: BeaconState) {
          const part = this.#parts[position];
          if (part === undefined) throw new TypeError(`a ${forkName(this.fork)} state has no ${field.name}`);
          return part instanceof SmallValue ? part.value : part;
        },
        set(this: BeaconState, value: unknown) {
          const part = this.#parts[position];
          if (part === undefined) throw new TypeError(`a ${forkName(this.fork)} state has no ${field.name}`);
          if (!(part instanceof SmallValue)) throw new TypeError(`${field.name} is a column: change its items`);
          this.#parts[position] = SmallValue.of(part.type, part.exactType, value);
        },
      });
    });
  }

  /** A state with every field at its SSZ default. */
  static empty(spec: ChainSpec, fork: Fork, options: StateOptions = {}): BeaconState {
    const { keys = KeyTable.create(), arena = new Arena() } = options;
    const parts = STATE_FIELDS.map((field) =>
      hasField(field, fork) ? defaultPart(spec, fork, field, keys, arena) : undefined,
    );
    return new BeaconState(spec, fork, parts, new StateCache());
  }

  /**
   * Reads a state from SSZ, holding one chunk of the input at a time.
   * @throws DecodeError naming the field and the offset
   */
  static decode(spec: ChainSpec, fork: Fork, input: Uint8Array | ByteSource, options: StateOptions = {}): BeaconState {
    const state = BeaconState.empty(spec, fork, options);
    const source = input instanceof Uint8Array ? bytesSource(input) : input;
    try {
      decodeParts(spec, fork, state.#parts, source);
    } catch (error) {
      state.drop();
      throw error;
    }
    return state;
  }

  /** Hands the SSZ bytes to `sink` in order; each piece is valid during the call only. */
  encodeTo(sink: (bytes: Uint8Array) => void): void {
    for (const _ of this.encodeSteps(sink));
  }

  /** encodeTo() in steps between which the caller may do something else, but not change the state. */
  encodeSteps(sink: (bytes: Uint8Array) => void): Generator<void> {
    return encodeSteps(this.fork, this.#parts, sink);
  }

  encode(): Uint8Array {
    const out = new Uint8Array(this.encodedSize());
    let at = 0;
    this.encodeTo((bytes) => {
      out.set(bytes, at);
      at += bytes.length;
    });
    return out;
  }

  encodedSize(): number {
    return encodedSize(this.fork, this.#parts);
  }

  /** Sibling nodes of a generalized index, from the leaf up. */
  proof(gindex: bigint): Uint8Array[] {
    return getStateProof(this, gindex);
  }

  /** The node at a generalized index. */
  nodeAt(gindex: bigint): Uint8Array {
    return getStateNode(this, gindex);
  }

  /**
   * Hands the state, or one field of it, to `sink` as JSON of the beacon API, in pieces of bounded size.
   * @param name SSZ field in code's spelling; the whole state when absent
   */
  jsonTo(sink: (text: string) => void, name?: string): void {
    writeStateJson(this, sink, name);
  }

  clone(): BeaconState {
    const parts = this.#parts.map((part) => (part !== undefined && isPaged(part) ? part.clone() : part));
    return new BeaconState(this.spec, this.fork, parts, this.cache.clone());
  }

  /** Gives up this state's pages; it must not be used after. */
  drop(): void {
    abandoned.unregister(this.#parts);
    dropParts(this.#parts);
    this.cache = new StateCache();
  }

  /** @param options.threads native threads for large re-hashes; 1 by default */
  hashTreeRoot(options: { threads?: number } = {}): Uint8Array {
    const fields = fieldsOf(this.fork);
    return merkleizeChunks(this.fieldRoots(options.threads ?? 1), ceilLog2(fields.length));
  }

  /** Roots of the fields in order, 32 bytes each. */
  fieldRoots(threads = 1): Uint8Array {
    const fields = fieldsOf(this.fork);
    const chunks = new Uint8Array(fields.length * 32);
    fields.forEach((field, i) => {
      chunks.set(rootOfPart(this.part(field.name), threads), i * 32);
    });
    return chunks;
  }

  /**
   * The same state as another fork's: fields that both have are shared, the others take the value given,
   * else the default. `this` stays valid.
   * @param values small fields whose type or content changes
   */
  upgradedTo(fork: Fork, values: Partial<Record<string, unknown>> = {}): BeaconState {
    const keys = this.validators.keys.table;
    const parts = STATE_FIELDS.map((field, position) => {
      if (!hasField(field, fork)) return undefined;
      const fresh = () => defaultPart(this.spec, fork, field, keys, this.arena);
      const given = values[field.property];
      if (given !== undefined) {
        const part = fresh();
        if (!(part instanceof SmallValue)) throw new TypeError(`${field.name} is a column: set its items afterwards`);
        return SmallValue.of(part.type, part.exactType, given);
      }
      const old = this.#parts[position];
      if (old === undefined) return fresh();
      return isPaged(old) ? old.clone() : old;
    });
    return new BeaconState(this.spec, fork, parts, new StateCache());
  }

  /** Makes the current epoch's participation the previous one's, and starts the current one at zero. */
  rotateParticipation(): void {
    const previous = STATE_FIELDS.findIndex((field) => field.name === "previousEpochParticipation");
    const current = previous + 1;
    const length = this.currentEpochParticipation.length;
    this.previousEpochParticipation.drop();
    this.#parts[previous] = this.currentEpochParticipation;
    this.#parts[current] = defaultPart(
      this.spec,
      this.fork,
      STATE_FIELDS[current]!,
      this.validators.keys.table,
      this.arena,
    );
    this.currentEpochParticipation.resetTo(length);
  }

  get arena(): Arena {
    return this.validators.roots.arena;
  }

  /** The holder of a field by its SSZ name. */
  part(name: string): Part {
    const position = STATE_FIELDS.findIndex((field) => field.name === name);
    const part = this.#parts[position];
    if (part === undefined) throw new TypeError(`a ${forkName(this.fork)} state has no ${name}`);
    return part;
  }

  /** Replaces a small field by its SSZ bytes, exact over the whole uint64 range. @throws DecodeError */
  setBytes(name: string, bytes: Uint8Array): void {
    const part = this.part(name);
    if (!(part instanceof SmallValue)) throw new TypeError(`${name} is a column: change its items`);
    const [type, exactType] = [
      fieldType(this.spec, this.fork, name, "number"),
      fieldType(this.spec, this.fork, name, "exact"),
    ];
    const position = STATE_FIELDS.findIndex((field) => field.name === name);
    this.#parts[position] = SmallValue.decode(type, exactType, bytes, name, 0);
  }

  /** The state's SSZ container: number mode, or with every uint64 a bigint. */
  containerType(mode: "number" | "exact" = "number"): ContainerType<Record<string, Type<unknown>>> {
    const types = mode === "number" ? this.spec.types : this.spec.exactTypes;
    return types[forkName(this.fork)].BeaconState as unknown as ContainerType<Record<string, Type<unknown>>>;
  }
}

function dropParts(parts: (Part | undefined)[]): void {
  for (const part of parts) if (part !== undefined) dropPart(part);
  parts.fill(undefined);
}

/** Pages of states that were forgotten rather than dropped come back when the state is collected, at the latest. */
const abandoned = new FinalizationRegistry(dropParts);

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  // A Buffer's slice() shares memory, which SSZ values must not: hand out plain views.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { length: plain.length, read: (offset, length) => plain.subarray(offset, offset + length) };
}
