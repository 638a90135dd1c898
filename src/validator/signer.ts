/** Who holds the secret keys. */
import { setImmediate } from "node:timers/promises";
import { toHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { SecretKey } from "../crypto/secret-key.ts";
import { interopSecretKeyBytes } from "../spec/interop.ts";

/** Signs whatever it is given: whether a message may be signed is asked before. */
export interface Signer {
  readonly pubkeys: readonly Uint8Array[];
  /** @param signingRoot 32 bytes */
  sign(pubkey: Uint8Array, signingRoot: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

/** After so long in a row the event loop gets its turn: a slot may want a hundred signatures. */
const TURN_MS = 8;

/** Keys in this process, in native memory that is wiped at the end. */
export class LocalSigner implements Signer {
  readonly pubkeys: readonly Uint8Array[];
  readonly #keys = new Map<string, SecretKey>();
  #turnBegan = 0;

  /** Takes over the keys; of the same key given twice one is kept. */
  constructor(keys: readonly SecretKey[]) {
    const pubkeys: Uint8Array[] = [];
    for (const key of keys) {
      const pubkey = key.toPublicKey();
      if (this.#keys.has(toHex(pubkey))) {
        key.destroy();
        continue;
      }
      this.#keys.set(toHex(pubkey), key);
      pubkeys.push(pubkey);
    }
    this.pubkeys = pubkeys;
  }

  async sign(pubkey: Uint8Array, signingRoot: Uint8Array): Promise<Uint8Array> {
    if (performance.now() - this.#turnBegan > TURN_MS) {
      await setImmediate();
      this.#turnBegan = performance.now();
    }
    const key = this.#keys.get(toHex(pubkey));
    if (!key) throw new UsageError(`no secret key for ${toHex(pubkey)}`);
    return key.sign(signingRoot);
  }

  close(): void {
    for (const key of this.#keys.values()) key.destroy();
    this.#keys.clear();
  }
}

/** The well-known keys of test networks. @param last inclusive */
export function interopKeys(first: number, last: number): SecretKey[] {
  const keys: SecretKey[] = [];
  for (let index = first; index <= last; index++) {
    const bytes = interopSecretKeyBytes(index);
    keys.push(SecretKey.fromBytes(bytes));
    bytes.fill(0);
  }
  return keys;
}
