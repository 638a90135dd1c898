/**
 * Mainnet's preset, against Lodestar's state transition: three epochs of a registry of 100,000 validators, with blocks and
 * empty slots, and three epochs from Sepolia's real genesis. Roots are compared after every step.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { aggregatePublicKeys, PublicKey, SecretKey } from "@chainsafe/blst";
import { toHex } from "../../src/base/bytes.ts";
import { attestedBlock } from "../../src/cli/bench-block.ts";
import { benchSpec, type RegistryKeys, syntheticState } from "../../src/cli/bench-synthetic.ts";
import { genesisState, loadNetwork } from "../../src/cli/networks.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { Fork } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { processSlots, stateTransition } from "../../src/spec/transition.ts";
import type { AdvancePlan } from "./lodestar-advance.ts";

const VALIDATORS = 100_000;
const EPOCHS = 3;
const SLOTS = EPOCHS * 32;
const SEPOLIA_VALIDATORS_ROOT = "0xd8ea171f3c94aea21ebc42a1ed61052acf3f9209c00e4efbaaddac09ed9b8078";
/** The root of the state that syntheticState makes of these keys, on which Lodestar and Prysm agree. */
const SYNTHETIC_ROOT = "0xb562de41650b8b40b261d0aa5048d6d313c9ea1a115f2e568858fc9867f5c02b";

const folder = mkdtempSync(join(tmpdir(), "cresset-lodestar-"));
after(() => rmSync(folder, { recursive: true }));

test(`${VALIDATORS} validators through ${EPOCHS} epochs, blocks and empty slots`, async () => {
  const start = syntheticState(benchSpec(), realKeys(VALIDATORS));
  const first = toHex(start.hashTreeRoot());
  assert.equal(first, SYNTHETIC_ROOT);
  const bytes = start.encode();
  const { steps, roots } = advanceWithBlocks(start);
  const plan: AdvancePlan = {
    fork: "fulu",
    state: write("state.ssz", bytes),
    network: "mainnet",
    overrides: {},
    steps,
  };
  for (const name of ["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU"])
    plan.overrides[`${name}_FORK_EPOCH`] = 0;
  assert.deepEqual(await lodestarRoots(plan), [first, ...roots]);
});

test(`Sepolia's genesis through ${EPOCHS} epochs of empty slots`, async () => {
  const network = loadNetwork("sepolia");
  const bytes = genesisState(network);
  assert.ok(bytes && network.config);
  const state = BeaconState.decode(createChainSpec(network.config), Fork.phase0, bytes);
  assert.deepEqual(Buffer.from(state.encode()), Buffer.from(bytes), "encoded again");
  assert.equal(toHex(state.genesisValidatorsRoot), SEPOLIA_VALIDATORS_ROOT);
  assert.equal(toHex(state.validators.hashTreeRoot()), SEPOLIA_VALIDATORS_ROOT);
  const expected = [toHex(state.hashTreeRoot())];
  const steps: AdvancePlan["steps"] = [];
  for (let slot = 1; slot <= SLOTS; slot++) {
    processSlots(state, slot);
    steps.push({ slot });
    expected.push(toHex(state.hashTreeRoot()));
  }
  const plan: AdvancePlan = {
    fork: "phase0",
    state: write("sepolia.ssz", bytes),
    network: "sepolia",
    overrides: {},
    steps,
  };
  assert.deepEqual(await lodestarRoots(plan), expected);
});

/** Two blocks in each stretch of nine slots, the others empty; the last steps end an epoch. */
function advanceWithBlocks(start: BeaconState): { steps: AdvancePlan["steps"]; roots: string[] } {
  const steps: AdvancePlan["steps"] = [];
  const roots: string[] = [];
  const last = start.slot + SLOTS;
  let state = start;
  while (state.slot < last) {
    const slot = state.slot + 1;
    const sinceEpoch = slot % 32;
    if (slot % 9 < 2 && sinceEpoch >= 2) {
      const file = `${slot}.ssz`;
      const { bytes, post } = blockAt(state, slot, Math.min(sinceEpoch - 1, 4));
      state = post;
      steps.push({ block: write(file, bytes) });
    } else {
      state = processSlots(state, slot);
      steps.push({ slot });
    }
    roots.push(toHex(state.hashTreeRoot()));
  }
  return { steps, roots };
}

/** A block by the rules, but for its signatures, and the state after it. */
function blockAt(state: BeaconState, slot: number, attestations: number): { bytes: Uint8Array; post: BeaconState } {
  const options = { verifier: trustingVerifier };
  const message = attestedBlock(processSlots(state.clone(), slot), attestations);
  const signed = { message, signature: new Uint8Array(96) };
  const trial = stateTransition(state.clone(), signed, { ...options, validateResult: false });
  message.stateRoot = trial.hashTreeRoot();
  trial.drop();
  return { bytes: forkTypes(state).SignedBeaconBlock.serialize(signed), post: stateTransition(state, signed, options) };
}

/** The keys 3, 4, 5 ... times the generator, which are as good as any and quick to make. */
function realKeys(count: number): RegistryKeys {
  const step = secret(1).toPublicKey();
  let key = secret(2).toPublicKey();
  const keys = new Uint8Array(count * 48);
  for (let i = 0; i < count; i++) {
    key = aggregatePublicKeys([key, step]);
    keys.set(key.toBytes(), i * 48);
  }
  return { keys, aggregate: (some) => aggregatePublicKeys(some.map((one) => PublicKey.fromBytes(one))).toBytes() };
}

function secret(number: number): SecretKey {
  const bytes = new Uint8Array(32);
  bytes[31] = number;
  bytes[29] = 1;
  return SecretKey.fromBytes(bytes);
}

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function lodestarRoots(plan: AdvancePlan): Promise<string[]> {
  const path = join(folder, "plan.json");
  writeFileSync(path, JSON.stringify(plan));
  const { LODESTAR_PRESET: _, ...env } = process.env;
  const script = join(import.meta.dirname, "lodestar-advance.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["--max-old-space-size=6000", script, path], { env });
  return stdout
    .trim()
    .split("\n")
    .map((line) => `0x${line}`);
}
