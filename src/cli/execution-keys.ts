/**
 * Accounts of test networks, with keys that everybody knows, and signatures of transactions with them. Never for money.
 */
import { secp256k1 } from "@noble/curves/secp256k1";
import { keccak_256 } from "@noble/hashes/sha3";
import { sha256 } from "../crypto/sha256.ts";

export interface DevAccount {
  readonly privateKey: Uint8Array;
  /** 20 bytes. */
  readonly address: Uint8Array;
}

/** The hash of the execution layer. */
export function keccak256(data: Uint8Array): Uint8Array {
  return keccak_256(data);
}

/** The same accounts each time: the key of number i is the SHA-256 of `cresset devnet account i`. */
export function devAccounts(count: number): DevAccount[] {
  return Array.from({ length: count }, (_, i) => accountOf(sha256(Buffer.from(`cresset devnet account ${i}`))));
}

export function accountOf(privateKey: Uint8Array): DevAccount {
  const publicKey = secp256k1.getPublicKey(privateKey, false);
  return { privateKey, address: keccak256(publicKey.subarray(1)).slice(12) };
}

/** Signs a hash. The numbers are big-endian without leading zeros, as transactions hold them. */
export function signHash(account: DevAccount, hash: Uint8Array): { yParity: number; r: bigint; s: bigint } {
  const { recovery, r, s } = secp256k1.sign(hash, account.privateKey);
  return { yParity: recovery, r, s };
}
