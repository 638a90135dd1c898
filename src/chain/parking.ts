/** Blocks that cannot be imported yet, and what they wait for: a parent, their data, their slot. */
import type { SlotClock } from "../base/clock.ts";
import type { ForkChoiceView } from "../spec/gossip/fork-choice-view.ts";
import type { Availability } from "./availability.ts";
import type { ImportResult } from "./import-block.ts";
import type { IncomingBlock } from "./incoming-block.ts";
import { ParkedBlocks } from "./parked-blocks.ts";

/** Anybody can make up blocks with a parent that nobody has. */
const MOST_ORPHANS = 64;
/** As many as a few slots have proposers and equivocations. */
const MOST_AWAITING_DATA = 32;
/** Blocks of the next slot that may wait for it: clocks differ by less than a second. */
const MOST_EARLY = 8;

/** Asked for blocks that others refer to; answers by importing them. */
export interface BlockFetcher {
  fetchBlock(root: Uint8Array): void;
}

export interface ParkingParts {
  readonly slotClock: SlotClock;
  readonly view: ForkChoiceView;
  readonly availability: Availability;
  /** Offers a block again; fails for nobody but the log. */
  readonly importAgain: (block: IncomingBlock) => void;
  /** Asks peers for a block. */
  readonly fetchBlock: (root: Uint8Array) => void;
}

export class Parking {
  readonly #parts: ParkingParts;
  readonly #orphans = new ParkedBlocks("parent", MOST_ORPHANS);
  readonly #awaitingData = new ParkedBlocks("data", MOST_AWAITING_DATA);
  #early = 0;

  constructor(parts: ParkingParts) {
    this.#parts = parts;
  }

  get bytes(): number {
    return this.#orphans.bytes + this.#awaitingData.bytes;
  }

  /** Does what the result of an import asks for. */
  settle(block: IncomingBlock, result: ImportResult): void {
    switch (result.status) {
      case "imported":
        for (const child of this.#orphans.takeChildren(block.root)) this.#parts.importAgain(child);
        return;
      case "unknown-parent":
        // A range is fetched from its oldest block on.
        if (block.source === "range") return;
        this.#orphans.park(block);
        this.#parts.fetchBlock(result.parentRoot);
        return;
      case "unavailable":
        this.#awaitData(block);
        return;
      case "future":
        this.#awaitSlot(block);
        return;
      case "invalid":
        this.#refuse(block, result.error.code);
        return;
      default:
        return;
    }
  }

  /** A sidecar of this block has come. */
  onSidecar(root: Uint8Array): void {
    const block = this.#awaitingData.get(root);
    if (block === undefined || this.#parts.availability.missing(block).length > 0) return;
    this.#awaitingData.delete(root);
    this.#parts.importAgain(block);
  }

  prune(finalizedSlot: number): void {
    this.#orphans.prune(finalizedSlot);
    this.#awaitingData.prune(finalizedSlot);
  }

  #awaitData(block: IncomingBlock): void {
    const { availability, importAgain, fetchBlock } = this.#parts;
    if (availability.missing(block).length === 0) {
      importAgain(block);
      return;
    }
    this.#awaitingData.park(block);
    // Gossip has not brought its data in time: peers are asked for it, with the block.
    if (block.source === "gossip") fetchBlock(block.root);
  }

  /** A block of the next slot came from somebody whose clock is ahead of ours, or ours is behind. */
  #awaitSlot(block: IncomingBlock): void {
    const { slotClock, importAgain } = this.#parts;
    const { slot } = block.signedBlock.message;
    if (slot !== slotClock.currentSlot() + 1 || this.#early >= MOST_EARLY) return;
    this.#early++;
    slotClock.at(slotClock.slotStartMs(slot), () => {
      this.#early--;
      importAgain(block);
    });
  }

  #refuse(block: IncomingBlock, code: string): void {
    const { view, fetchBlock } = this.#parts;
    // The proposer's signature is not part of the root: the block itself may be good, and somebody has spoiled it.
    if (code !== "BLOCK_SIGNATURE_INVALID") view.refuse(block.root, block.signedBlock.message.slot);
    else if (block.source === "gossip") fetchBlock(block.root);
  }
}
