/**
 * Slashing protection: what the keys of this folder have signed is on the disk before a signature leaves the program.
 * The file is never deleted, nor made anew where one was.
 * @see https://eips.ethereum.org/EIPS/eip-3076
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { bytesEqual, toHex } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import { SerialQueue } from "../base/task-queue.ts";
import { removePartials, writeAt, writeDurably } from "../db/durable-file.ts";
import { formatInterchange, mergeMarks, parseInterchange } from "./interchange.ts";
import { EntryWriter, type KnownKey, KnownKeys } from "./slashing-entries.ts";
import { SlashingLock } from "./slashing-lock.ts";
import { SlashingLog } from "./slashing-log.ts";
import {
  judgeAttestation,
  judgeBlock,
  type SlashingMarks,
  type SlashingRefusal,
  type SlashingVerdict,
  withAttestation,
  withBlock,
} from "./slashing-marks.ts";

const LOG_NAME = "slashing-protection.log";
const LOCK_NAME = "slashing-protection.lock";
/** Says that there was a file once, so that its loss is noticed. */
const WITNESS_NAME = "slashing-protection.exists";
const WITNESS_TEXT =
  "What the keys here have signed is in slashing-protection.log. If that is lost, do not delete this.\n";
const MAX_WAITING = 1024;
const COMPACT_ABOVE_BYTES = 4 * 2 ** 20;
/** A compacted file grows by this before it is compacted again. */
const COMPACT_FACTOR = 4;

export interface AttestationToSign {
  readonly sourceEpoch: number;
  readonly targetEpoch: number;
  readonly signingRoot: Uint8Array;
  readonly pubkeys: readonly Uint8Array[];
}

export interface SlashingProtectionOptions {
  readonly folder: string;
  /** Makes the file if the folder never had one. By default it must be there, and what it says is taken. */
  readonly genesisValidatorsRoot?: Uint8Array;
  readonly compactAboveBytes?: number;
}

export class SlashingProtection {
  readonly folder: string;
  /** Of a frame that was never wholly written, cut off on opening. */
  readonly tornBytes: number;
  #log: SlashingLog;
  readonly #keys: KnownKeys;
  readonly #lock: SlashingLock;
  readonly #queue = new SerialQueue(MAX_WAITING);
  readonly #minCompactBytes: number;
  #compactAboveBytes: number;
  #isClosed = false;

  private constructor(parts: {
    options: SlashingProtectionOptions;
    log: SlashingLog;
    keys: KnownKeys;
    lock: SlashingLock;
    tornBytes: number;
  }) {
    this.folder = parts.options.folder;
    this.tornBytes = parts.tornBytes;
    this.#log = parts.log;
    this.#keys = parts.keys;
    this.#lock = parts.lock;
    this.#minCompactBytes = parts.options.compactAboveBytes ?? COMPACT_ABOVE_BYTES;
    this.#compactAboveBytes = this.#minCompactBytes;
  }

  /** @throws StorageError when the file is in use, lost, damaged, or of another network */
  static async open(options: SlashingProtectionOptions): Promise<SlashingProtection> {
    const { folder } = options;
    if (options.genesisValidatorsRoot) await mkdir(folder, { recursive: true, mode: 0o700 });
    else if (!existsSync(join(folder, LOG_NAME))) throw new StorageError(`${folder} has no slashing protection`);
    const lock = SlashingLock.take(join(folder, LOCK_NAME));
    try {
      await removePartials(folder);
      await ensureFile(options);
      const { log, bodies, tornBytes } = await SlashingLog.open(join(folder, LOG_NAME));
      try {
        const keys = readKeys(log.path, bodies, options.genesisValidatorsRoot);
        return new SlashingProtection({ options, log, keys, lock, tornBytes });
      } catch (error) {
        await log.close();
        throw error;
      }
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.#log.length;
  }

  get genesisValidatorsRoot(): Uint8Array {
    return this.#keys.genesisValidatorsRoot!;
  }

  /**
   * Records attestations, each for many keys, with one sync. Those without a refusal may be signed once this resolves.
   * @returns by place, why a key must not sign
   * @throws StorageError when the disk refuses: then none may be signed
   */
  recordAttestations(attestations: readonly AttestationToSign[]): Promise<(SlashingRefusal | undefined)[][]> {
    return this.#queue.run(async () => {
      await this.#register(attestations.flatMap(({ pubkeys }) => pubkeys));
      const entries = new EntryWriter();
      // What is judged later in the list counts on what came before.
      const staged = new Map<KnownKey, SlashingMarks>();
      const refusals = attestations.map((attestation) => {
        const { fresh, refusals } = this.#judge(attestation, staged);
        const { sourceEpoch, targetEpoch, signingRoot } = attestation;
        if (fresh.length > 0) entries.attestations(sourceEpoch, targetEpoch, signingRoot, fresh);
        return refusals;
      });
      if (!entries.isEmpty) await this.#append(entries);
      for (const [key, marks] of staged) key.marks = marks;
      return refusals;
    });
  }

  /**
   * Records a block that is about to be signed.
   * @returns why it must not be
   * @throws StorageError when the disk refuses: then it must not be signed
   */
  recordBlock(pubkey: Uint8Array, slot: number, signingRoot: Uint8Array): Promise<SlashingRefusal | undefined> {
    return this.#queue.run(async () => {
      if (!isNumber(slot)) throw new StorageError("no slot of a signature");
      const [key] = (await this.#register([pubkey])) as [KnownKey];
      const verdict = judgeBlock(key.marks, slot, signingRoot);
      if (verdict === "new") {
        await this.#append(new EntryWriter().block(key, slot, signingRoot));
        key.marks = withBlock(key.marks, slot, signingRoot);
      }
      return refusalOf(verdict);
    });
  }

  /** Takes in an interchange file, all of it or nothing. @returns how many keys it has */
  importInterchange(text: string): Promise<number> {
    return this.#queue.run(async () => {
      const { genesisValidatorsRoot, keys } = parseInterchange(text);
      if (!bytesEqual(genesisValidatorsRoot, this.genesisValidatorsRoot)) {
        const ours = toHex(this.genesisValidatorsRoot);
        throw new StorageError(`signatures of network ${toHex(genesisValidatorsRoot)}, but this one is ${ours}`);
      }
      const entries = new EntryWriter();
      const merged = keys.map(({ pubkey, marks }) => {
        const known = this.#keys.get(pubkey)?.marks;
        const all = known ? mergeMarks(known, marks) : marks;
        entries.marks(pubkey, all);
        return { pubkey, marks: all };
      });
      if (!entries.isEmpty) await this.#append(entries);
      for (const { pubkey, marks } of merged) (this.#keys.get(pubkey) ?? this.#keys.add(pubkey)).marks = marks;
      return keys.length;
    });
  }

  /** @param pubkeys all by default */
  exportInterchange(pubkeys?: readonly Uint8Array[]): Promise<string> {
    return this.#queue.run(() => {
      const { genesisValidatorsRoot } = this;
      const wanted = pubkeys?.flatMap((pubkey) => this.#keys.get(pubkey) ?? []) ?? this.#keys.byNumber;
      return formatInterchange({ genesisValidatorsRoot, keys: wanted });
    });
  }

  /** What is pending is finished; then the file is free for others. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#queue.idle();
    await this.#log.close();
    this.#lock.release();
  }

  #judge(
    { sourceEpoch, targetEpoch, signingRoot, pubkeys }: AttestationToSign,
    staged: Map<KnownKey, SlashingMarks>,
  ): { fresh: KnownKey[]; refusals: (SlashingRefusal | undefined)[] } {
    if (!isNumber(sourceEpoch) || !isNumber(targetEpoch)) throw new StorageError("no epochs of a signature");
    const fresh: KnownKey[] = [];
    const refusals = pubkeys.map((pubkey) => {
      const key = this.#keys.get(pubkey)!;
      const marks = staged.get(key) ?? key.marks;
      const verdict = judgeAttestation(marks, sourceEpoch, targetEpoch, signingRoot);
      if (verdict === "new") {
        fresh.push(key);
        staged.set(key, withAttestation(marks, sourceEpoch, targetEpoch, signingRoot));
      }
      return refusalOf(verdict);
    });
    return { fresh, refusals };
  }

  /** Gives keys that are new a number, on the disk too. */
  async #register(pubkeys: readonly Uint8Array[]): Promise<KnownKey[]> {
    const missing = new Map<string, Uint8Array>();
    for (const pubkey of pubkeys) if (!this.#keys.get(pubkey)) missing.set(toHex(pubkey), pubkey);
    if (missing.size > 0) {
      const entries = new EntryWriter();
      const empty = { blockSlot: -1, sourceEpoch: -1, targetEpoch: -1 };
      for (const pubkey of missing.values()) entries.marks(pubkey, empty);
      await this.#append(entries);
      for (const pubkey of missing.values()) this.#keys.add(pubkey);
    }
    return pubkeys.map((pubkey) => this.#keys.get(pubkey)!);
  }

  async #append(entries: EntryWriter): Promise<void> {
    if (this.#log.length > this.#compactAboveBytes) await this.#compact();
    await this.#log.append(entries.finish());
  }

  /** Writes the marks alone into a new file, which then takes the old one's name. */
  async #compact(): Promise<void> {
    const { path } = this.#log;
    await SlashingLog.write(path, snapshot(this.#keys));
    await this.#log.close();
    this.#log = (await SlashingLog.open(path)).log;
    this.#compactAboveBytes = Math.max(this.#minCompactBytes, COMPACT_FACTOR * this.#log.length);
  }
}

async function ensureFile({ folder, genesisValidatorsRoot }: SlashingProtectionOptions): Promise<void> {
  const [log, witness] = [join(folder, LOG_NAME), join(folder, WITNESS_NAME)];
  if (!existsSync(log)) {
    if (existsSync(witness)) {
      throw new StorageError(
        `${log} is lost, and keys have signed with it. Put it back, or move the folder away and import an interchange ` +
          "file that holds every signature",
      );
    }
    if (!genesisValidatorsRoot) throw new StorageError(`${folder} has no slashing protection`);
    await SlashingLog.write(log, [new EntryWriter().network(genesisValidatorsRoot).finish()]);
  }
  if (existsSync(witness)) return;
  await writeDurably(witness, (handle) => writeAt(handle, new TextEncoder().encode(WITNESS_TEXT), 0));
}

function readKeys(path: string, bodies: readonly Uint8Array[], genesisValidatorsRoot?: Uint8Array): KnownKeys {
  const keys = new KnownKeys();
  for (const body of bodies) keys.apply(body);
  const root = keys.genesisValidatorsRoot;
  if (!root) throw new StorageError(`${path} does not say of which network it is`);
  if (genesisValidatorsRoot && !bytesEqual(root, genesisValidatorsRoot)) {
    throw new StorageError(`${path} is of network ${toHex(root)}, not ${toHex(genesisValidatorsRoot)}`);
  }
  return keys;
}

function snapshot(keys: KnownKeys): Uint8Array[] {
  const entries = new EntryWriter().network(keys.genesisValidatorsRoot!);
  for (const { pubkey, marks } of keys.byNumber) entries.marks(pubkey, marks);
  return [entries.finish()];
}

function refusalOf(verdict: SlashingVerdict): SlashingRefusal | undefined {
  return verdict === "new" || verdict === "repeat" ? undefined : verdict;
}

function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value < Number.MAX_SAFE_INTEGER;
}
