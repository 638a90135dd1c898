/**
 * Which data of which block has come: columns from fulu on, blobs before.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/fork-choice.md
 */
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import { compressFrames } from "../base/snappy.ts";
import type { Database } from "../db/database.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import type { BlobSidecar, DataColumnSidecar } from "../spec/containers.ts";
import { Fork } from "../spec/fork.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import type { IncomingBlock } from "./incoming-block.ts";

/** Blocks of which sidecars are remembered: some epochs, with forks. */
const BLOCKS_KEPT = 512;

interface BlockData {
  readonly indices: Set<number>;
  readonly waiting: Set<() => void>;
}

export class Availability {
  readonly #spec: ChainSpec;
  readonly #database: Database;
  readonly #currentEpoch: () => number;
  /** Ascending: the columns that this node keeps and waits for. */
  readonly custodyColumns: readonly number[];
  readonly #blocks = new BoundedMap<string, BlockData>({ limit: BLOCKS_KEPT, sizeOf: () => 4096 });

  /** Called when a sidecar has come that the block of this root may have lacked. */
  onSidecar: (root: Uint8Array) => void = () => {};

  constructor(parts: {
    spec: ChainSpec;
    database: Database;
    custodyColumns: readonly number[];
    currentEpoch: () => number;
  }) {
    this.#spec = parts.spec;
    this.#database = parts.database;
    this.#currentEpoch = parts.currentEpoch;
    this.custodyColumns = parts.custodyColumns;
  }

  get bytes(): number {
    return this.#blocks.bytes;
  }

  /** Indices of the sidecars that the block still lacks; none when it is older than anybody keeps them. */
  missing({ signedBlock, root, fork }: IncomingBlock): number[] {
    const blobs = fork >= Fork.deneb ? signedBlock.message.body.blobKzgCommitments.length : 0;
    if (blobs === 0 || this.#isExpired(signedBlock.message.slot, fork)) return [];
    const wanted = fork >= Fork.fulu ? this.custodyColumns : Array.from({ length: blobs }, (_, i) => i);
    const have = this.#blocks.get(toHex(root))?.indices;
    return have === undefined ? [...wanted] : wanted.filter((index) => !have.has(index));
  }

  has(root: Uint8Array, index: number): boolean {
    return this.#blocks.get(toHex(root))?.indices.has(index) ?? false;
  }

  /** Keeps a column whose proofs were checked. When the promise resolves it survives a power cut. */
  async addColumn(root: Uint8Array, sidecar: DataColumnSidecar): Promise<void> {
    const { slot } = sidecar.signedBlockHeader.message;
    const bytes = this.#typesAt(slot).DataColumnSidecar.serialize(sidecar);
    if (this.custodyColumns.includes(sidecar.index)) {
      await this.#database.dataColumnSidecars.append([this.#record(slot, root, sidecar.index, bytes)]);
    }
    this.#mark(root, sidecar.index);
  }

  /** Keeps a blob whose proof was checked. */
  async addBlob(root: Uint8Array, sidecar: BlobSidecar): Promise<void> {
    const { slot } = sidecar.signedBlockHeader.message;
    const bytes = this.#typesAt(slot).BlobSidecar.serialize(sidecar);
    await this.#database.blobSidecars.append([this.#record(slot, root, sidecar.index, bytes)]);
    this.#mark(root, sidecar.index);
  }

  /** Resolves with whether everything has come before the time is over. */
  async waitFor(block: IncomingBlock, timeoutMs: number): Promise<boolean> {
    if (this.missing(block).length === 0) return true;
    const data = this.#open(block.root);
    return new Promise((resolve) => {
      const finish = (isHere: boolean): void => {
        clearTimeout(timer);
        data.waiting.delete(look);
        resolve(isHere);
      };
      const look = (): void => {
        if (this.missing(block).length === 0) finish(true);
      };
      const timer = setTimeout(() => finish(false), timeoutMs);
      data.waiting.add(look);
    });
  }

  /** Takes note of what the database holds of a block that is read back from it. */
  async recall({ signedBlock, root, fork }: IncomingBlock): Promise<void> {
    if (fork < Fork.deneb || signedBlock.message.body.blobKzgCommitments.length === 0) return;
    const { index } = fork >= Fork.fulu ? this.#database.dataColumnSidecars : this.#database.blobSidecars;
    const { slot } = signedBlock.message;
    for await (const [key] of index.entries({ from: slot, to: slot + 1, limit: 1024 })) {
      if (toHex(key.root) === toHex(root)) this.#mark(root, key.index);
    }
  }

  /** @spec MIN_EPOCHS_FOR_DATA_COLUMN_SIDECARS_REQUESTS (fulu), MIN_EPOCHS_FOR_BLOB_SIDECARS_REQUESTS (deneb) */
  #isExpired(slot: number, fork: Fork): boolean {
    const { config } = this.#spec;
    const epochs =
      fork >= Fork.fulu
        ? config.MIN_EPOCHS_FOR_DATA_COLUMN_SIDECARS_REQUESTS
        : config.MIN_EPOCHS_FOR_BLOB_SIDECARS_REQUESTS;
    return computeEpochAtSlot(this.#spec, slot) + epochs < this.#currentEpoch();
  }

  #typesAt(slot: number) {
    return forkTypes({ spec: this.#spec, fork: this.#forkAt(slot) });
  }

  #forkAt(slot: number): Fork {
    return forkAtEpoch(this.#spec.config, computeEpochAtSlot(this.#spec, slot));
  }

  #record(slot: number, root: Uint8Array, index: number, bytes: Uint8Array) {
    const fork = this.#forkAt(slot);
    return { slot, root, index, fork, sszLength: bytes.length, frames: compressFrames(bytes) };
  }

  #mark(root: Uint8Array, index: number): void {
    const data = this.#open(root);
    data.indices.add(index);
    for (const look of [...data.waiting]) look();
    this.onSidecar(root);
  }

  #open(root: Uint8Array): BlockData {
    const key = toHex(root);
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    const data = { indices: new Set<number>(), waiting: new Set<() => void>() };
    this.#blocks.set(key, data);
    return data;
  }
}
