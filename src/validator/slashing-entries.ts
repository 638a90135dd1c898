/**
 * What the frames of a slashing protection file hold: a run of entries, each of a kind. Keys have numbers, in the order
 * in which they come, and attestations of one slot share an entry: a thousand validators cost four kilobytes an epoch.
 */
import { toHex } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import { NO_MARKS, type SlashingMarks, withAttestation, withBlock } from "./slashing-marks.ts";

const KIND_NETWORK = 0;
const KIND_MARKS = 1;
const KIND_ATTESTATIONS = 2;
const KIND_BLOCK = 3;
const HAS_BLOCK_ROOT = 1;
const HAS_ATTESTATION_ROOT = 2;
const PUBKEY_BYTES = 48;
const ROOT_BYTES = 32;
export const MAX_KEYS = 200_000;

export interface KnownKey {
  readonly number: number;
  readonly pubkey: Uint8Array;
  marks: SlashingMarks;
}

/** The keys of a file, as its entries say. */
export class KnownKeys {
  readonly byNumber: KnownKey[] = [];
  readonly #byPubkey = new Map<string, KnownKey>();
  genesisValidatorsRoot: Uint8Array | undefined;

  get(pubkey: Uint8Array): KnownKey | undefined {
    return this.#byPubkey.get(toHex(pubkey));
  }

  add(pubkey: Uint8Array): KnownKey {
    if (this.byNumber.length >= MAX_KEYS) throw new StorageError(`more than ${MAX_KEYS} keys in slashing protection`);
    const key: KnownKey = { number: this.byNumber.length, pubkey: pubkey.slice(), marks: NO_MARKS };
    this.byNumber.push(key);
    this.#byPubkey.set(toHex(pubkey), key);
    return key;
  }

  /** @throws StorageError for entries that cannot be */
  apply(body: Uint8Array): void {
    const reader = new EntryReader(body);
    while (!reader.isAtEnd()) {
      const kind = reader.u8();
      if (kind === KIND_NETWORK) this.genesisValidatorsRoot = reader.bytes(ROOT_BYTES);
      else if (kind === KIND_MARKS) this.#applyMarks(reader);
      else if (kind === KIND_ATTESTATIONS) this.#applyAttestations(reader);
      else if (kind === KIND_BLOCK) this.#applyBlock(reader);
      else throw new StorageError(`slashing protection: entries of kind ${kind} are of a later version`);
    }
  }

  #applyMarks(reader: EntryReader): void {
    const pubkey = reader.bytes(PUBKEY_BYTES);
    const key = this.get(pubkey) ?? this.add(pubkey);
    const flags = reader.u8();
    const [blockSlot, sourceEpoch, targetEpoch] = [reader.u64() - 1, reader.u64() - 1, reader.u64() - 1];
    const blockRoot = flags & HAS_BLOCK_ROOT ? reader.bytes(ROOT_BYTES) : undefined;
    const attestationRoot = flags & HAS_ATTESTATION_ROOT ? reader.bytes(ROOT_BYTES) : undefined;
    key.marks = { blockSlot, blockRoot, sourceEpoch, targetEpoch, attestationRoot };
  }

  #applyAttestations(reader: EntryReader): void {
    const [source, target] = [reader.u64(), reader.u64()];
    const root = reader.bytes(ROOT_BYTES);
    for (let left = reader.u32(); left > 0; left--) {
      const key = this.#numbered(reader.u32());
      key.marks = withAttestation(key.marks, source, target, root);
    }
  }

  #applyBlock(reader: EntryReader): void {
    const key = this.#numbered(reader.u32());
    const slot = reader.u64();
    key.marks = withBlock(key.marks, slot, reader.bytes(ROOT_BYTES));
  }

  #numbered(number: number): KnownKey {
    const key = this.byNumber[number];
    if (!key) throw new StorageError(`slashing protection: a signature of key ${number}, and there is none`);
    return key;
  }
}

/** Collects the entries of one frame. */
export class EntryWriter {
  readonly #parts: Uint8Array[] = [];

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  network(genesisValidatorsRoot: Uint8Array): this {
    return this.#put([KIND_NETWORK], genesisValidatorsRoot);
  }

  /** Everything about a key at once; gives it a number if it has none. */
  marks(pubkey: Uint8Array, marks: SlashingMarks): this {
    const { blockRoot, attestationRoot, blockSlot, sourceEpoch, targetEpoch } = marks;
    const flags = (blockRoot ? HAS_BLOCK_ROOT : 0) | (attestationRoot ? HAS_ATTESTATION_ROOT : 0);
    this.#put([KIND_MARKS], pubkey, [flags], u64(blockSlot + 1), u64(sourceEpoch + 1), u64(targetEpoch + 1));
    return this.#put(blockRoot ?? [], attestationRoot ?? []);
  }

  attestations(source: number, target: number, signingRoot: Uint8Array, keys: readonly KnownKey[]): this {
    const numbers = keys.map(({ number }) => u32(number));
    return this.#put([KIND_ATTESTATIONS], u64(source), u64(target), signingRoot, u32(keys.length), ...numbers);
  }

  block(key: KnownKey, slot: number, signingRoot: Uint8Array): this {
    return this.#put([KIND_BLOCK], u32(key.number), u64(slot), signingRoot);
  }

  finish(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }

  #put(...parts: (Uint8Array | number[])[]): this {
    for (const part of parts) this.#parts.push(part instanceof Uint8Array ? part : Uint8Array.from(part));
    return this;
  }
}

class EntryReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    const value = Number(this.#view.getBigUint64(this.#take(8), true));
    if (!Number.isSafeInteger(value)) throw new StorageError(`slashing protection: ${value} is no slot or epoch`);
    return value;
  }

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.slice(at, at + count);
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new StorageError("slashing protection: an entry ends too early");
    this.#at += count;
    return at;
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}
