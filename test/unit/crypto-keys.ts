/** Keys for tests, made fast. */
import { createRequire } from "node:module";
import type * as Blst from "@chainsafe/blst";

/** The independent implementation that tests compare with. */
export const blst = createRequire(import.meta.url)("@chainsafe/blst") as typeof Blst;

const KEY_BYTES = 48;

/** Distinct valid keys, each the one before plus the generator: secret keys 2, 3, 4 ... */
export function validKeys(count: number): Uint8Array {
  const one = new Uint8Array(32);
  one[31] = 1;
  const generator = blst.SecretKey.fromBytes(one).toPublicKey();
  const out = new Uint8Array(count * KEY_BYTES);
  let key = generator;
  for (let i = 0; i < count; i++) {
    key = blst.aggregatePublicKeys([key, generator]);
    out.set(key.toBytes(), i * KEY_BYTES);
  }
  return out;
}

/** Distinct keys that are refused at a glance, because their compression flag is missing. */
export function invalidKeys(count: number, seed = 1): Uint8Array {
  const words = new Uint32Array((count * KEY_BYTES) / 4);
  let x = seed;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  const out = new Uint8Array(words.buffer);
  for (let i = 0; i < count; i++) out[i * KEY_BYTES]! &= 0x1f;
  return out;
}

/** The secret key of validKeys()[i]. */
export function secretBytes(i: number): Uint8Array {
  const out = new Uint8Array(32);
  new DataView(out.buffer).setUint32(28, i + 2);
  return out;
}
