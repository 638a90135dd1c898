/** The same signatures for both sides. */
import { createHash } from "node:crypto";
import { SecretKey } from "@chainsafe/blst";

export const SET_COUNT = 128;

export interface SignedMessage {
  readonly pubkey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** One message each, or one for all. */
export function signedMessages(isSameMessage: boolean): SignedMessage[] {
  return Array.from({ length: SET_COUNT }, (_, i) => {
    const bytes = new Uint8Array(32);
    bytes[29] = 1;
    bytes[31] = i + 1;
    const secret = SecretKey.fromBytes(bytes);
    const message = new Uint8Array(
      createHash("sha256")
        .update(isSameMessage ? "one" : `m${i}`)
        .digest(),
    );
    return { pubkey: secret.toPublicKey().toBytes(), message, signature: secret.sign(message).toBytes() };
  });
}
