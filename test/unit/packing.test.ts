import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { AttestationPool } from "../../src/chain/pools/attestation-pool.ts";
import { packAttestations } from "../../src/chain/pools/packing.ts";
import {
  getBeaconCommittee,
  getBlockRoot,
  getBlockRootAtSlot,
  getCommitteeCountPerSlot,
} from "../../src/spec/accessors.ts";
import { attestationDataRoot, getAttestingIndices } from "../../src/spec/attestations.ts";
import { processAttestation } from "../../src/spec/block/attestation.ts";
import type { Attestation, AttestationData } from "../../src/spec/containers.ts";
import { Fork } from "../../src/spec/fork.ts";
import { initializeInteropState, interopSecretKey } from "../../src/spec/interop.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { processSlots } from "../../src/spec/transition.ts";
import { buildBlock } from "../support/build-block.ts";
import { devSpec } from "../support/local-node.ts";

const VALIDATORS = 128;
const HEAD_SLOT = 20;
/** Some point of the curve: what is signed is not looked at here. */
const key = interopSecretKey(0);
const SIGNATURE = key.sign(new Uint8Array(32));
key.destroy();

const ALL = { altair: 0, bellatrix: 0, capella: 0, deneb: 0, electra: 0, fulu: 0 };

/** A state with blocks in all slots and no votes at all, at the slot after its head. */
function stateOf(fork: Fork): BeaconState {
  const epochs = Object.fromEntries(Object.entries(ALL).filter(([name]) => Fork[name as keyof typeof Fork] <= fork));
  const spec = devSpec(6000, epochs);
  let state = initializeInteropState(spec, { validatorCount: VALIDATORS, genesisTime: 1_600_000_000, fork });
  for (let slot = 1; slot <= HEAD_SLOT; slot++) state = buildBlock(state, slot).state;
  return processSlots(state, HEAD_SLOT + 1);
}

function dataOf(state: BeaconState, slot: number, index: number, isHeadRight = true): AttestationData {
  const epoch = Math.floor(slot / state.spec.preset.SLOTS_PER_EPOCH);
  const isCurrent = epoch === Math.floor(state.slot / state.spec.preset.SLOTS_PER_EPOCH);
  return {
    ...{ slot, index },
    beaconBlockRoot: isHeadRight ? getBlockRootAtSlot(state, slot) : new Uint8Array(32).fill(9),
    source: isCurrent ? state.currentJustifiedCheckpoint : state.previousJustifiedCheckpoint,
    target: { epoch, root: getBlockRoot(state, epoch) },
  };
}

/** @param isIn which places of a committee vote */
function vote(
  state: BeaconState,
  pool: AttestationPool,
  slot: number,
  isIn: (position: number) => boolean,
  isHeadRight = true,
) {
  const epoch = Math.floor(slot / state.spec.preset.SLOTS_PER_EPOCH);
  for (let committeeIndex = 0; committeeIndex < getCommitteeCountPerSlot(state, epoch); committeeIndex++) {
    const data = dataOf(state, slot, state.fork >= Fork.electra ? 0 : committeeIndex, isHeadRight);
    const committeeLength = getBeaconCommittee(state, slot, committeeIndex).length;
    const bits = BitArray.fromBoolArray(Array.from({ length: committeeLength }, (_, position) => isIn(position)));
    const dataRoot = attestationDataRoot(state, data);
    pool.addAggregate({ data, dataRoot, committeeIndex, committeeLength }, { bits, signature: SIGNATURE });
  }
}

/** What the proposer is paid for these attestations. */
function rewardOf(state: BeaconState, attestations: readonly unknown[]): bigint {
  const trial = state.clone();
  for (const attestation of attestations) processAttestation(trial, attestation as Attestation, trustingVerifier);
  let sum = 0n;
  for (let index = 0; index < VALIDATORS; index++) sum += trial.balances.getBig(index) - state.balances.getBig(index);
  trial.drop();
  return sum;
}

function votersOf(state: BeaconState, attestation: unknown): number {
  return getAttestingIndices(state, attestation as Attestation).length;
}

describe("packing attestations", () => {
  it("takes what pays most, one attestation for all committees of a vote", () => {
    const state = stateOf(Fork.fulu);
    const pool = new AttestationPool();
    // Twelve slots with more and more voters: only eight attestations fit.
    for (let slot = 9; slot <= HEAD_SLOT; slot++) vote(state, pool, slot, (position) => position <= (slot - 9) % 8);
    const packed = packAttestations(state, pool);
    assert.equal(packed.length, state.spec.preset.MAX_ATTESTATIONS_ELECTRA);
    const reward = rewardOf(state, packed);
    // No other choice of one attestation in place of a packed one pays more.
    for (let slot = 9; slot <= HEAD_SLOT; slot++) {
      const alone = new AttestationPool();
      vote(state, alone, slot, (position) => position <= (slot - 9) % 8);
      const [other] = packAttestations(state, alone);
      for (let out = 0; out < packed.length; out++) {
        const swapped = rewardOf(state, packed.with(out, other!));
        assert.ok(swapped <= reward, `slot ${slot} for number ${out} pays ${swapped}, not ${reward}`);
      }
    }
  });

  it("joins disjoint aggregates, and leaves out votes that the state or the block has already", () => {
    const state = stateOf(Fork.fulu);
    const pool = new AttestationPool();
    vote(state, pool, 18, (position) => position % 2 === 0);
    vote(state, pool, 18, (position) => position % 2 === 1);
    // The same voters with a wrong head bring no flag that the others do not.
    vote(state, pool, 18, (position) => position % 2 === 0, false);
    const packed = packAttestations(state, pool);
    assert.equal(packed.length, 1);
    assert.equal(votersOf(state, packed[0]), VALIDATORS / state.spec.preset.SLOTS_PER_EPOCH);
    const later = state.clone();
    processAttestation(later, packed[0] as Attestation, trustingVerifier);
    assert.deepEqual(packAttestations(later, pool), []);
  });

  it("takes nothing that a block cannot carry", () => {
    const state = stateOf(Fork.fulu);
    const pool = new AttestationPool();
    const good = dataOf(state, HEAD_SLOT, 0);
    const wrong: AttestationData[] = [
      { ...good, target: { ...good.target, root: new Uint8Array(32).fill(1) } },
      { ...good, source: { ...good.source, epoch: 7 } },
      { ...good, index: 1 },
      { ...good, slot: state.slot },
      { ...dataOf(state, 3, 0), target: { epoch: 0, root: getBlockRoot(state, 1) } },
    ];
    const committeeLength = getBeaconCommittee(state, HEAD_SLOT, 0).length;
    const add = (data: AttestationData, length: number) => {
      const bits = BitArray.fromBoolArray(new Array(length).fill(true));
      const dataRoot = attestationDataRoot(state, data);
      pool.addAggregate({ data, dataRoot, committeeIndex: 0, committeeLength: length }, { bits, signature: SIGNATURE });
    };
    for (const data of wrong) add(data, committeeLength);
    add(dataOf(state, 19, 0), committeeLength + 1);
    assert.deepEqual(packAttestations(state, pool), []);
    add(good, committeeLength);
    assert.equal(packAttestations(state, pool).length, 1);
  });

  for (const fork of [Fork.phase0, Fork.deneb]) {
    it(`makes attestations of one committee each before electra (fork ${fork})`, () => {
      const state = stateOf(fork);
      const pool = new AttestationPool();
      vote(state, pool, 18, () => true);
      vote(state, pool, 19, (position) => position < 3);
      const packed = packAttestations(state, pool);
      assert.equal(packed.length, 2 * getCommitteeCountPerSlot(state, 2));
      const worth = packed.map((attestation) =>
        fork === Fork.phase0 ? votersOf(state, attestation) : Number(rewardOf(state, [attestation])),
      );
      assert.deepEqual(
        worth,
        worth.toSorted((a, b) => b - a),
      );
      const later = state.clone();
      for (const attestation of packed) processAttestation(later, attestation, trustingVerifier);
      assert.deepEqual(packAttestations(later, pool), []);
    });
  }
});
