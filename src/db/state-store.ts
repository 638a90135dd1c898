/**
 * States on disk: snapshots, written rarely, and differences from a snapshot, for the boundaries of epochs while
 * nothing finalizes. Each file is written aside and then given its name, so that it is whole or not there.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { bytesEqual, toHex, ZERO_BYTES32 } from "../base/bytes.ts";
import { CressetError, StorageError } from "../base/errors.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { BeaconState, type StateOptions } from "../spec/state.ts";
import { removePartials, syncFolder } from "./durable-file.ts";
import { applyDiff, diffSteps } from "./state-diff.ts";
import { checkStateFile, readStateEntry, type StateEntry, withPayload, writeStateFile } from "./state-file.ts";

const NAME = /^\d+-[0-9a-f]{64}\.(?:snapshot|diff)$/;

export interface StateStats {
  readonly snapshots: number;
  readonly diffs: number;
  readonly bytes: number;
  /** Bytes written since the store was opened. */
  readonly bytesWritten: number;
}

export class StateStore {
  readonly #spec: ChainSpec;
  readonly #folder: string;
  /** By root in hexadecimal. */
  readonly #entries = new Map<string, StateEntry>();
  #bytesWritten = 0;

  private constructor(spec: ChainSpec, folder: string) {
    this.#spec = spec;
    this.#folder = folder;
  }

  /** @returns the store, and the files whose header is damaged, which are left alone */
  static async open(spec: ChainSpec, folder: string): Promise<{ store: StateStore; damaged: string[] }> {
    await mkdir(folder, { recursive: true });
    await removePartials(folder);
    const store = new StateStore(spec, folder);
    const damaged: string[] = [];
    for (const name of (await readdir(folder)).filter((candidate) => NAME.test(candidate))) {
      try {
        const entry = readStateEntry(join(folder, name));
        if (store.#nameOf(entry) !== name) damaged.push(name);
        else store.#add(entry);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        damaged.push(name);
      }
    }
    // A snapshot that cannot be read now may be brought back: its differences wait for it.
    if (damaged.length === 0) await store.#removeUseless();
    return { store, damaged };
  }

  /** States on disk by slot; a snapshot where there is one of the state, else its differences. */
  list(): StateEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.slot - b.slot);
  }

  find(root: Uint8Array): StateEntry | undefined {
    return this.#entries.get(toHex(root));
  }

  /**
   * Writes a state whole. When the promise resolves it survives a power cut. The caller may change the state meanwhile.
   * @cost a clone, then steps of some MB; the root, if it is not known yet
   */
  async writeSnapshot(state: BeaconState): Promise<StateEntry> {
    const copy = state.clone();
    try {
      const entry = { kind: "snapshot" as const, ...factsOf(copy), baseRoot: ZERO_BYTES32 };
      return await this.#write(entry, (sink) => copy.encodeSteps(sink));
    } finally {
      copy.drop();
    }
  }

  /**
   * Writes what differs from a snapshot on disk: cheap where `state` is a descendant of `base` in memory, since pages
   * that both share are not looked at.
   */
  async writeDiff(base: BeaconState, state: BeaconState): Promise<StateEntry> {
    const [from, to] = [base.clone(), state.clone()];
    try {
      const baseRoot = from.hashTreeRoot();
      if (this.find(baseRoot)?.kind !== "snapshot") {
        throw new StorageError(`there is no snapshot ${toHex(baseRoot)} that differences could start from`);
      }
      const entry = { kind: "diff" as const, ...factsOf(to), baseRoot };
      const known = this.find(entry.root);
      if (known?.kind === "snapshot") return known;
      return await this.#write(entry, (sink) => diffSteps(from, to, sink));
    } finally {
      from.drop();
      to.drop();
    }
  }

  /**
   * Reads a state and compares its root.
   * @param options.base the state that differences start from, where the caller has it in memory
   * @throws StorageError when the file is damaged
   */
  load(root: Uint8Array, options: StateOptions & { base?: BeaconState } = {}): BeaconState | undefined {
    const entry = this.find(root);
    if (entry === undefined) return undefined;
    const state = entry.kind === "snapshot" ? this.#decode(entry, options) : this.#apply(entry, options);
    const found = state.hashTreeRoot();
    if (bytesEqual(found, root)) return state;
    state.drop();
    throw new StorageError(`${this.#path(entry)} holds a state with root ${toHex(found)}`);
  }

  /** Removes states, and the differences that start from a snapshot removed. @returns how many files */
  async remove(roots: readonly Uint8Array[]): Promise<number> {
    const hexes = new Set(roots.map(toHex));
    const all = [...this.#entries.values()];
    const gone = all.filter((entry) => hexes.has(toHex(entry.root)));
    const bases = new Set(gone.filter(({ kind }) => kind === "snapshot").map((entry) => toHex(entry.root)));
    for (const entry of all) if (bases.has(toHex(entry.baseRoot)) && !gone.includes(entry)) gone.push(entry);
    // Differences first: a crash in between leaves none without its snapshot.
    gone.sort((a, b) => (a.kind === b.kind ? 0 : a.kind === "diff" ? -1 : 1));
    for (const entry of gone) {
      this.#entries.delete(toHex(entry.root));
      await rm(this.#path(entry), { force: true });
    }
    if (gone.length > 0) await syncFolder(this.#folder);
    return gone.length;
  }

  /** Keeps the newest `keep` snapshots and the differences from them. @returns how many files were removed */
  async prune(keep: number): Promise<number> {
    const snapshots = this.list().filter(({ kind }) => kind === "snapshot");
    return this.remove(snapshots.slice(0, Math.max(0, snapshots.length - keep)).map(({ root }) => root));
  }

  /** Reads every file and compares checksums. @returns what is wrong */
  check(): string[] {
    const problems: string[] = [];
    for (const entry of this.list()) {
      try {
        checkStateFile(this.#path(entry));
      } catch (error) {
        if (!(error instanceof CressetError)) throw error;
        problems.push(error.message);
      }
      if (entry.kind === "diff" && this.find(entry.baseRoot)?.kind !== "snapshot") {
        problems.push(`${this.#path(entry)} starts from ${toHex(entry.baseRoot)}, of which there is no snapshot`);
      }
    }
    return problems;
  }

  stats(): StateStats {
    const list = this.list();
    const snapshots = list.filter(({ kind }) => kind === "snapshot").length;
    const bytes = list.reduce((sum, entry) => sum + entry.length, 0);
    return { snapshots, diffs: list.length - snapshots, bytes, bytesWritten: this.#bytesWritten };
  }

  async #write(
    entry: Omit<StateEntry, "length" | "checksum">,
    payload: (sink: (bytes: Uint8Array) => void) => Iterable<void>,
  ): Promise<StateEntry> {
    const path = this.#path(entry);
    this.#bytesWritten += await writeStateFile(path, entry, payload);
    const written = readStateEntry(path);
    this.#add(written);
    if (written.kind === "snapshot") await rm(this.#path({ ...written, kind: "diff" }), { force: true });
    return written;
  }

  #decode(entry: StateEntry, options: StateOptions): BeaconState {
    const path = this.#path(entry);
    try {
      return withPayload(path, (source) => BeaconState.decode(this.#spec, entry.fork, source, options));
    } catch (error) {
      throw new StorageError(`${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  #apply(entry: StateEntry, options: StateOptions & { base?: BeaconState }): BeaconState {
    const { base: given, ...rest } = options;
    const isGiven = given !== undefined && bytesEqual(given.hashTreeRoot(), entry.baseRoot);
    const base = isGiven ? given : this.load(entry.baseRoot, rest);
    if (base === undefined) throw new StorageError(`${this.#path(entry)} lacks its snapshot ${toHex(entry.baseRoot)}`);
    try {
      checkStateFile(this.#path(entry));
      return withPayload(this.#path(entry), (source) => applyDiff(base, entry.fork, source));
    } finally {
      if (!isGiven) base.drop();
    }
  }

  #add(entry: StateEntry): void {
    const hex = toHex(entry.root);
    if (entry.kind === "diff" && this.#entries.get(hex)?.kind === "snapshot") return;
    this.#entries.set(hex, entry);
  }

  /** Removes differences of which there is a snapshot too, or whose own snapshot a crash has let go first. */
  async #removeUseless(): Promise<void> {
    for (const entry of this.list()) {
      if (entry.kind === "snapshot") await rm(this.#path({ ...entry, kind: "diff" }), { force: true });
      else if (this.find(entry.baseRoot)?.kind !== "snapshot") await this.remove([entry.root]);
    }
  }

  #nameOf(entry: { kind: string; slot: number; root: Uint8Array }): string {
    return `${entry.slot}-${toHex(entry.root).slice(2)}.${entry.kind}`;
  }

  #path(entry: { kind: string; slot: number; root: Uint8Array }): string {
    return join(this.#folder, this.#nameOf(entry));
  }
}

function factsOf(state: BeaconState) {
  return { fork: state.fork, slot: state.slot, root: state.hashTreeRoot() };
}
