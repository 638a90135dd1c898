import { KeyTable, type SignatureSet, verifySets } from "../../src/crypto/bls.ts";
import type { Bench } from "../sample.ts";
import { SET_COUNT, type SignedMessage, signedMessages } from "../signature-fixture.ts";
import { timed } from "../stopwatch.ts";

const US_PER_MS = 1e3;

/** Signature sets by table index, from their bytes to the verdict, on one thread. */
export const signatureBench: Bench = () => {
  const distinct = setsOf(signedMessages(false));
  const same = setsOf(signedMessages(true));
  return () => ({ figures: { signature_batch: perSet(distinct), signature_same: perSet(same) } });
};

function setsOf(signed: SignedMessage[]): SignatureSet[] {
  const table = KeyTable.create({ capacity: signed.length });
  for (const { pubkey } of signed) table.append(pubkey);
  table.validate();
  return signed.map(({ message, signature }, i) => ({ table, indices: [i], message, signature }));
}

function perSet(sets: SignatureSet[]): number {
  let isValid = false;
  const ms = timed(() => {
    isValid = verifySets(sets);
  });
  if (!isValid) throw new Error("valid signatures were refused");
  return (ms * US_PER_MS) / SET_COUNT;
}
