import {
  aggregateWithRandomness,
  PublicKey,
  Signature,
  verify,
  verifyMultipleAggregateSignatures,
} from "@chainsafe/blst";
import type { Bench } from "../sample.ts";
import { SET_COUNT, signedMessages } from "../signature-fixture.ts";
import { timed } from "../stopwatch.ts";

const US_PER_MS = 1e3;

/** blst itself: keys at hand, signatures from their bytes and checked to be in the group. */
export const signatureBench: Bench = () => {
  const distinct = setsOf(false);
  const same = setsOf(true);
  return () => ({
    figures: {
      signature_batch: perSet(() =>
        verifyMultipleAggregateSignatures(
          distinct.map(({ message, key, signature }) => ({
            msg: message,
            pk: key,
            sig: Signature.fromBytes(signature, true),
          })),
        ),
      ),
      signature_same: perSet(() => {
        const { pk, sig } = aggregateWithRandomness(same.map(({ key, signature }) => ({ pk: key, sig: signature })));
        return verify(same[0]!.message, pk, sig);
      }),
    },
  });
};

function setsOf(isSameMessage: boolean) {
  return signedMessages(isSameMessage).map((signed) => ({ ...signed, key: PublicKey.fromBytes(signed.pubkey) }));
}

function perSet(check: () => boolean): number {
  let isValid = false;
  const ms = timed(() => {
    isValid = check();
  });
  if (!isValid) throw new Error("valid signatures were refused");
  return (ms * US_PER_MS) / SET_COUNT;
}
