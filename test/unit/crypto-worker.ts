/** What the tests run in a worker: checks sets on its own table, or starts work that the test interrupts. */
import { parentPort, workerData } from "node:worker_threads";
import { KeyTable, SecretKey, verifySets, verifySetsAsync } from "../../src/crypto/bls.ts";
import { secretBytes } from "./crypto-keys.ts";

const { path, count, mode } = workerData as { path?: string; count: number; mode: "answer" | "hang" };
const table = path === undefined ? KeyTable.create() : KeyTable.open(path);
const sets = Array.from({ length: count }, (_, i) => {
  const secret = SecretKey.fromBytes(secretBytes(i));
  if (path === undefined) table.append(secret.toPublicKey());
  const message = new Uint8Array(32).fill(i);
  return { table, indices: [i], message, signature: secret.sign(message) };
});

if (mode === "answer") {
  const later = await verifySetsAsync(sets, { threads: 2 });
  const broken = sets.map((set, i) => (i === 0 ? { ...set, message: new Uint8Array(32).fill(255) } : set));
  parentPort!.postMessage({ now: verifySets(sets), later, broken: verifySets(broken), length: table.length });
} else {
  for (let i = 0; i < 20; i++) void verifySetsAsync(sets, { threads: 2 });
  parentPort!.postMessage("started");
}
