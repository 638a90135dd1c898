/** Post-states of blocks: a bounded number in memory, the rest rebuilt by replay. */
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import { counter, gauge } from "../base/metrics.ts";
import { SerialQueue } from "../base/task-queue.ts";
import type { BlockStates } from "../spec/fork-choice/checkpoint-states.ts";
import type { BeaconState } from "../spec/state.ts";
import { processSlots } from "../spec/transition.ts";

const statesHeld = gauge("cresset_states", "Post-states of blocks in memory");
const regenerations = counter("cresset_state_regenerations_total", "States rebuilt by replay");

/** Rebuilds the post-state of a block that is not in memory; undefined when its block or every base is gone. */
export type Regenerate = (root: Uint8Array) => Promise<BeaconState | undefined>;

/** The fewest states that import can work with: head, its parent, justified, finalized. */
const LEAST_STATES = 4;
const ADVANCED_LIMIT = 4;
const QUEUE_LIMIT = 32;

/**
 * States by block root. Roots that are pinned (head, justified, finalized) stay; of the others the one used longest ago
 * goes first. Requests for the same state share one replay, and one replay runs at a time.
 */
export class States implements BlockStates {
  readonly #states: Map<string, BeaconState> = new Map();
  readonly #advanced: BoundedMap<string, BeaconState>;
  readonly #limit: number;
  readonly #queue = new SerialQueue(QUEUE_LIMIT);
  readonly #running = new Map<string, Promise<BeaconState | undefined>>();
  #pinned: ReadonlySet<string> = new Set();
  #regenerate: Regenerate = () => Promise.resolve(undefined);

  /** @param options.maxStates post-states; most share nearly all pages with their parents */
  constructor(options: { maxStates?: number } = {}) {
    this.#limit = Math.max(LEAST_STATES, options.maxStates ?? 96);
    this.#advanced = new BoundedMap({ limit: ADVANCED_LIMIT, onEvict: (_, state) => state.drop() });
  }

  useRegeneration(regenerate: Regenerate): void {
    this.#regenerate = regenerate;
  }

  get size(): number {
    return this.#states.size;
  }

  /** In memory now; never to be changed, and to be cloned by who keeps it over an await. */
  get(root: Uint8Array): BeaconState | undefined {
    const key = toHex(root);
    const state = this.#states.get(key);
    if (state === undefined) return undefined;
    this.#states.delete(key);
    this.#states.set(key, state);
    return state;
  }

  /** Takes over a post-state. */
  add(root: Uint8Array, state: BeaconState): void {
    const key = toHex(root);
    const known = this.#states.get(key);
    if (known !== undefined) {
      if (known !== state) state.drop();
      return;
    }
    this.#states.set(key, state);
    this.#evict(key);
    statesHeld.set(this.#states.size);
  }

  /** Names the roots whose states stay in memory whatever else comes. */
  pin(roots: readonly Uint8Array[]): void {
    this.#pinned = new Set(roots.map(toHex));
  }

  /** As `get`, rebuilding the state where it must. @throws QueueFullError as a rejection */
  async load(root: Uint8Array): Promise<BeaconState | undefined> {
    const known = this.get(root);
    if (known !== undefined) return known;
    const key = toHex(root);
    const running = this.#running.get(key) ?? this.#queue.run(() => this.#rebuild(root));
    this.#running.set(key, running);
    try {
      return await running;
    } finally {
      this.#running.delete(key);
    }
  }

  /** The post-state of a block, advanced to a slot; not to be changed or dropped. */
  async stateAtSlot(root: Uint8Array, slot: number): Promise<BeaconState | undefined> {
    const base = await this.load(root);
    return base === undefined ? undefined : this.advanced(root, base, slot);
  }

  /** As stateAtSlot, where the post-state is at hand. */
  advanced(root: Uint8Array, base: BeaconState, slot: number): BeaconState {
    if (base.slot >= slot) return base;
    const key = `${slot}/${toHex(root)}`;
    const known = this.#advanced.get(key);
    if (known !== undefined) return known;
    const nearest = this.#advanced.get(`${slot - 1}/${toHex(root)}`) ?? base;
    const state = processSlots(nearest.clone(), slot);
    this.#advanced.set(key, state);
    return state;
  }

  /** Forgets the states of blocks that left the tree. */
  remove(roots: readonly Uint8Array[]): void {
    for (const root of roots) {
      const key = toHex(root);
      this.#states.get(key)?.drop();
      this.#states.delete(key);
    }
    statesHeld.set(this.#states.size);
  }

  drop(): void {
    for (const state of this.#states.values()) state.drop();
    for (const state of this.#advanced.values()) state.drop();
    this.#states.clear();
    this.#advanced.clear();
  }

  async #rebuild(root: Uint8Array): Promise<BeaconState | undefined> {
    const known = this.get(root);
    if (known !== undefined) return known;
    regenerations.inc();
    const state = await this.#regenerate(root);
    if (state !== undefined) this.add(root, state);
    return state;
  }

  #evict(newest: string): void {
    for (const [key, state] of this.#states) {
      if (this.#states.size <= this.#limit) return;
      if (key === newest || this.#pinned.has(key)) continue;
      this.#states.delete(key);
      state.drop();
    }
  }
}
