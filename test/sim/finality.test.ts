/** A chain of one node and its validators, on the clock on the wall. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { toHex } from "../../src/base/bytes.ts";
import { createLogger, silentLogger } from "../../src/base/log.ts";
import { Fork } from "../../src/spec/fork.ts";
import { devSpec, newFolder, startNode, startValidators } from "../support/local-node.ts";

const SLOT_MS = 1000;
const VALIDATORS = 32;
const TIMEOUT_MS = 90_000;
const log = process.env.SIM_LOG ? createLogger({ level: "debug", isText: true }) : silentLogger;
const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe("one node with all validators", () => {
  it("finalizes fulu with full participation, and starts again where it ended", {
    timeout: 2 * TIMEOUT_MS,
  }, async () => {
    const spec = devSpec(SLOT_MS, { altair: 0, bellatrix: 0, capella: 0, deneb: 0, electra: 0, fulu: 0 });
    const folder = newFolder();
    folders.push(folder);
    const genesisTime = Math.floor(Date.now() / 1000) + 2;
    const options = { spec, folder, validators: VALIDATORS, genesisTime, fork: Fork.fulu, log };
    const node = await startNode(options);
    const validators = await startValidators(node, 0, VALIDATORS - 1, log);
    const end = Date.now() + TIMEOUT_MS;
    while (node.chain.store.finalizedCheckpoint.epoch < 2 && Date.now() < end) await sleep(200);
    const { finalizedCheckpoint, justifiedCheckpoint } = node.chain.store;
    assert.ok(finalizedCheckpoint.epoch >= 2, `finalized epoch ${finalizedCheckpoint.epoch}`);
    await validators.stop();
    const { duties } = validators.status();
    const head = node.chain.head;
    const state = node.chain.headState();
    const previous = Array.from({ length: VALIDATORS }, (_, index) => state.previousEpochParticipation.get(index));
    assert.deepEqual(
      previous,
      new Array(VALIDATORS).fill(7),
      `flags of the previous epoch; duties ${JSON.stringify(duties)}`,
    );
    await node.stop();

    const again = await startNode(options);
    assert.equal(toHex(again.chain.head.root), toHex(head.root));
    assert.ok(again.chain.store.finalizedCheckpoint.epoch >= finalizedCheckpoint.epoch);
    assert.ok(again.chain.store.justifiedCheckpoint.epoch >= justifiedCheckpoint.epoch);
    assert.equal(toHex(again.chain.headState().hashTreeRoot()), toHex(head.stateRoot));
    await again.stop();
  });

  it("goes through every fork from phase0 to fulu, finalizing", { timeout: 2 * TIMEOUT_MS }, async () => {
    const spec = devSpec(SLOT_MS, { altair: 1, bellatrix: 2, capella: 3, deneb: 4, electra: 5, fulu: 6 });
    const folder = newFolder();
    folders.push(folder);
    const genesisTime = Math.floor(Date.now() / 1000) + 2;
    const node = await startNode({ spec, folder, validators: VALIDATORS, genesisTime, fork: Fork.phase0, log });
    const validators = await startValidators(node, 0, VALIDATORS - 1, log);
    const end = Date.now() + TIMEOUT_MS;
    while (node.chain.store.finalizedCheckpoint.epoch < 6 && Date.now() < end) await sleep(200);
    await validators.stop();
    const state = node.chain.headState();
    assert.equal(state.fork, Fork.fulu);
    assert.ok(
      node.chain.store.finalizedCheckpoint.epoch >= 6,
      `finalized ${node.chain.store.finalizedCheckpoint.epoch}`,
    );
    await node.stop();
  });
});
