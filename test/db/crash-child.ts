/**
 * A process that is to be killed: writes blocks, columns, snapshots and differences, expires segments, and prints a line
 * once each is acknowledged. Arguments: folder, number of the first record, seed.
 */
import { writeSync } from "node:fs";
import { Database } from "../../src/db/database.ts";
import { processSlots } from "../../src/spec/transition.ts";
import { seededRandom } from "../property/random.ts";
import { blockOf, columnsOf, SLOT_STEP, someState, spec } from "./crash-objects.ts";

const [folder, first, seed] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const random = seededRandom(seed);
const database = await Database.open(spec, folder);
writeSync(1, "open\n");
// Later than every state there is, for pruning keeps the latest.
const lastSlot = database.states.list().at(-1)?.slot ?? 0;
let base = processSlots(someState(8), lastSlot + 1);
await database.states.writeSnapshot(base);
say("state", base.slot, base.hashTreeRoot());

for (let number = first; ; ) {
  const count = 1 + random.below(6);
  const numbers = Array.from({ length: count }, (_, i) => number + i);
  number += count;
  const writes = numbers.map(async (n) => {
    await Promise.all([database.blocks.append([blockOf(n)]), database.dataColumnSidecars.append(columnsOf(n))]);
    say("record", n);
  });
  if (random.below(12) === 0) writes.push(writeState());
  if (random.below(20) === 0) writes.push(expire(number - 60));
  await Promise.all(writes);
}

async function writeState(): Promise<void> {
  const state = processSlots(base.clone(), base.slot + 1 + random.below(12));
  const isSnapshot = random.below(3) === 0;
  await (isSnapshot ? database.states.writeSnapshot(state) : database.states.writeDiff(base, state));
  say("state", state.slot, state.hashTreeRoot());
  if (!isSnapshot) return;
  base = state;
  await database.states.prune(3);
}

async function expire(number: number): Promise<void> {
  const slot = Math.max(0, number * SLOT_STEP);
  // Said before it happens: what has expired may be there or not.
  say("expire", slot);
  await database.prune({ before: { block: slot, dataColumnSidecar: slot } });
}

function say(what: string, number: number, root?: Uint8Array): void {
  writeSync(1, `${what} ${number} ${root === undefined ? "" : Buffer.from(root).toString("hex")}\n`);
}
