import assert from "node:assert/strict";
import { test } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { Fork } from "../../../src/spec/fork.ts";
import {
  validateLightClientFinalityUpdateGossip,
  validateLightClientOptimisticUpdateGossip,
} from "../../../src/spec/gossip/light-client.ts";
import { Seen } from "../../../src/spec/gossip/seen.ts";
import { createLightClientOptimisticUpdate } from "../../../src/spec/light-client/server.ts";
import { getSyncMessageDueMs } from "../../../src/spec/validator.ts";

const spec = createChainSpec(MINIMAL_CONFIG);
const chain = { spec, genesisTime: 1000 };
const fork: Fork = Fork.deneb;
const SIZE = spec.preset.SYNC_COMMITTEE_SIZE;

function updateOf(finalizedSlot: number, signatureSlot: number, participants: number) {
  const data = spec.types.deneb.LightClientUpdate.defaultValue();
  data.finalizedHeader.beacon.slot = finalizedSlot;
  data.attestedHeader.beacon.slot = signatureSlot - 1;
  data.signatureSlot = signatureSlot;
  const bits = BitArray.fromBitLen(SIZE);
  for (let i = 0; i < participants; i++) bits.set(i, true);
  data.syncAggregate.syncCommitteeBits = bits;
  return { fork, data };
}

/** The moment from which an update of this slot may be forwarded. */
function dueMs(slot: number): number {
  const { SLOT_DURATION_MS, MAXIMUM_GOSSIP_CLOCK_DISPARITY } = spec.config;
  return 1_000_000 + slot * SLOT_DURATION_MS + getSyncMessageDueMs(spec) - MAXIMUM_GOSSIP_CLOCK_DISPARITY;
}

test("finality updates are forwarded in time, in order and when this node made the same", () => {
  const seen = new Seen();
  const first = updateOf(8, 20, 20);
  const validate = (update: typeof first, nowMs: number, local: typeof first | undefined = update) =>
    validateLightClientFinalityUpdateGossip(seen, chain, update, nowMs, local);

  assert.deepEqual(validate(first, dueMs(20) - 1), { verdict: "ignore", reason: "finality update is too early" });
  const differs = { verdict: "ignore", reason: "finality update differs from the local one" };
  assert.deepEqual(validateLightClientFinalityUpdateGossip(seen, chain, first, dueMs(20), undefined), differs);
  assert.deepEqual(validate(first, dueMs(20), updateOf(8, 20, 21)), differs);
  assert.deepEqual(validate(first, dueMs(20), { ...first, fork: Fork.electra }), differs);
  assert.deepEqual(validate(first, dueMs(20)), { verdict: "accept" });

  const old = { verdict: "ignore", reason: "finality update does not advance on the last one" };
  assert.deepEqual(validate(first, dueMs(20)), old);
  assert.deepEqual(validate(updateOf(7, 21, SIZE), dueMs(21)), old);
  assert.deepEqual(validate(updateOf(8, 21, 21), dueMs(21)), old, "21 of 32 are not more than two thirds");
  assert.deepEqual(validate(updateOf(8, 21, 22), dueMs(21)), { verdict: "accept" });
  assert.deepEqual(validate(updateOf(8, 22, SIZE), dueMs(22)), old);
  assert.deepEqual(validate(updateOf(9, 23, 1), dueMs(23)), { verdict: "accept" });
});

test("finality at genesis may be told once", () => {
  const seen = new Seen();
  const update = updateOf(0, 3, 1);
  const validate = () => validateLightClientFinalityUpdateGossip(seen, chain, update, dueMs(3), update);
  assert.deepEqual([validate().verdict, validate().verdict], ["accept", "ignore"]);
});

test("optimistic updates are forwarded in time, in order and when this node made the same", () => {
  const seen = new Seen();
  const optimistic = (signatureSlot: number, participants: number) => ({
    fork,
    data: createLightClientOptimisticUpdate(updateOf(0, signatureSlot, participants).data),
  });
  const first = optimistic(20, 3);
  const validate = (update: typeof first, nowMs: number, local: typeof first | undefined = update) =>
    validateLightClientOptimisticUpdateGossip(seen, chain, update, nowMs, local);

  assert.deepEqual(validate(first, dueMs(20) - 1), { verdict: "ignore", reason: "optimistic update is too early" });
  const differs = { verdict: "ignore", reason: "optimistic update differs from the local one" };
  assert.deepEqual(validate(first, dueMs(20), optimistic(20, 4)), differs);
  assert.deepEqual(validate(first, dueMs(20)), { verdict: "accept" });
  const old = { verdict: "ignore", reason: "optimistic update does not advance on the last one" };
  assert.deepEqual(validate(optimistic(20, 5), dueMs(20)), old);
  assert.deepEqual(validate(optimistic(21, 5), dueMs(21)), { verdict: "accept" });
});
