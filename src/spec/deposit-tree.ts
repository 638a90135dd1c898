/**
 * The deposit contract's tree, grown leaf by leaf.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/deposit-contract.md
 */
import { hash64, mixInLength, zeroHash } from "../crypto/sha256.ts";
import { DEPOSIT_CONTRACT_TREE_DEPTH } from "./constants.ts";

/**
 * An append-only list of roots that holds only the left siblings of the next leaf's path, so that a root costs one
 * hash a level however many deposits there are.
 */
export class DepositTree {
  readonly #left: Uint8Array[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(leaf: Uint8Array): void {
    this.#count++;
    let node = leaf;
    let size = this.#count;
    let level = 0;
    for (; size % 2 === 0; size /= 2) node = hash64(this.#left[level++]!, node);
    this.#left[level] = node;
  }

  /** Root of `List[DepositData, 2**32]` over the deposits so far. */
  root(): Uint8Array {
    let node = zeroHash(0);
    for (let level = 0, size = this.#count; level < DEPOSIT_CONTRACT_TREE_DEPTH; level++, size = Math.floor(size / 2)) {
      node = size % 2 === 1 ? hash64(this.#left[level]!, node) : hash64(node, zeroHash(level));
    }
    return mixInLength(node, this.#count);
  }
}
