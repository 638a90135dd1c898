/**
 * BLS secret keys, kept in native memory and wiped there; EIP-2333 derivation and EIP-2334 paths.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import { UsageError } from "../base/errors.ts";
import { blsNative, type SecretHandle } from "./bls-native.ts";

const KEY_BYTES = 48;
const SIGNATURE_BYTES = 96;
const MAX_PATH_LENGTH = 32;

/** A secret key that never becomes a JavaScript string; the bytes it was made from are the caller's to wipe. */
export class SecretKey {
  private readonly handle: SecretHandle;

  private constructor(handle: SecretHandle) {
    this.handle = handle;
  }

  /** @param bytes 32, big-endian, above zero and below the group order, or it throws */
  static fromBytes(bytes: Uint8Array): SecretKey {
    return new SecretKey(blsNative.secretFromBytes(bytes));
  }

  /** The master key of a seed of at least 32 bytes (EIP-2333). */
  static fromSeed(seed: Uint8Array): SecretKey {
    return new SecretKey(blsNative.secretFromSeed(seed));
  }

  /** EIP-2333. @param index below 2^32 */
  deriveChild(index: number): SecretKey {
    return new SecretKey(blsNative.secretChild(this.handle, index));
  }

  /** The key at an EIP-2334 path like `m/12381/3600/0/0/0`; those on the way are wiped. */
  derivePath(path: string): SecretKey {
    let key: SecretKey | undefined;
    for (const index of parsePath(path)) {
      const child = (key ?? this).deriveChild(index);
      key?.destroy();
      key = child;
    }
    return key!;
  }

  toPublicKey(): Uint8Array {
    const out = new Uint8Array(KEY_BYTES);
    blsNative.secretPublicKey(this.handle, out);
    return out;
  }

  /** @param message 32 bytes: a signing root */
  sign(message: Uint8Array): Uint8Array {
    const out = new Uint8Array(SIGNATURE_BYTES);
    blsNative.secretSign(this.handle, message, out);
    return out;
  }

  /** Overwrites the key; using it afterwards throws. A collected key is overwritten too. */
  destroy(): void {
    blsNative.secretDestroy(this.handle);
  }
}

function parsePath(path: string): number[] {
  const [root, ...steps] = path.split("/");
  if (root !== "m" || steps.length === 0 || steps.length > MAX_PATH_LENGTH) {
    throw new UsageError(`not a key path: ${path.slice(0, 80)}`);
  }
  return steps.map((step) => {
    const index = /^\d{1,10}$/.test(step) ? Number(step) : Number.NaN;
    if (!(index < 2 ** 32)) throw new UsageError(`not a key path: ${path.slice(0, 80)}: step ${step.slice(0, 20)}`);
    return index;
  });
}
