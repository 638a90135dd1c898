import { aggregateSignatures, KeyTable, SecretKey, type SignatureSet, verifySet, verifySets } from "../crypto/bls.ts";
import { sha256 } from "../crypto/sha256.ts";
import { type Figure, median, medianTime } from "./bench-measure.ts";

const SETS = 64;
const KEY_BYTES = 48;
const KEYS_CHECKED = 512;

/** Signatures as a node meets them: one, many at once, many over one message, and keys on their way into the table. */
export async function benchBls(options: { runs: number; threads: number }): Promise<Figure[]> {
  const { runs, threads } = options;
  const { table, sets, sameMessage, secret } = fixture();
  const perSet = (work: () => void) => (medianTime(runs, work) * 1e3) / SETS;
  const figure = (name: string, value: number, unit = "us"): Figure => ({ part: "bls", name, value, unit, runs });
  const message = sets[0]!.message;
  const signatures = sets.map((set) => set.signature);
  const figures = [
    figure("verify one", medianTime(runs, () => mustHold(verifySet(sets[0]!))) * 1e3),
    figure(
      `verify in a batch of ${SETS}, per set`,
      perSet(() => mustHold(verifySets(sets))),
    ),
    figure(
      `verify ${SETS} over one message, per set`,
      perSet(() => mustHold(verifySets(sameMessage))),
    ),
    figure(
      "aggregate signatures, per signature",
      perSet(() => aggregateSignatures(signatures)),
    ),
    figure("sign", medianTime(runs, () => secret.sign(message)) * 1e3),
    figure("check a key for the table, per key", await keyCheckTime(table, runs)),
  ];
  if (threads > 1) {
    const value = perSet(() => mustHold(verifySets(sets, { threads })));
    figures.splice(2, 0, figure(`verify in a batch of ${SETS}, ${threads} threads, per set`, value));
  }
  secret.destroy();
  table.close();
  return figures;
}

function fixture() {
  const table = KeyTable.create({ capacity: SETS });
  const sets: SignatureSet[] = [];
  const sameMessage: SignatureSet[] = [];
  const common = sha256(Buffer.from("one message"));
  for (let i = 0; i < SETS; i++) {
    const secret = secretKey(i);
    table.append(secret.toPublicKey());
    const message = sha256(Buffer.from(`message ${i}`));
    sets.push({ table, indices: [i], message, signature: secret.sign(message) });
    sameMessage.push({ table, indices: [i], message: common, signature: secret.sign(common) });
    secret.destroy();
  }
  table.validate();
  return { table, sets, sameMessage, secret: secretKey(0) };
}

/** Microseconds a key on one thread, decompression and subgroup check included. */
async function keyCheckTime(table: KeyTable, runs: number): Promise<number> {
  const keys = new Uint8Array(KEYS_CHECKED * KEY_BYTES);
  for (let i = 0; i < KEYS_CHECKED; i++) keys.set(table.get(i % SETS), i * KEY_BYTES);
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const fresh = KeyTable.create({ capacity: KEYS_CHECKED });
    const start = performance.now();
    await fresh.appendValidated(keys, { threads: 1 });
    times.push(((performance.now() - start) * 1e3) / KEYS_CHECKED);
    fresh.close();
  }
  return median(times);
}

function secretKey(i: number): SecretKey {
  const bytes = new Uint8Array(32);
  bytes[29] = 1;
  bytes[31] = i;
  return SecretKey.fromBytes(bytes);
}

/** A figure of work that went wrong would mislead. */
function mustHold(isValid: boolean): void {
  if (!isValid) throw new Error("a valid signature was refused");
}
