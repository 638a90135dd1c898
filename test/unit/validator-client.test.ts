import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import { verify } from "../../src/crypto/bls.ts";
import { type ChainSpec, createChainSpec } from "../../src/spec/chain-spec.ts";
import { defaultConfig } from "../../src/spec/config.ts";
import type { HeadEvent } from "../../src/validator/beacon-api.ts";
import { interopKeys, LocalSigner } from "../../src/validator/signer.ts";
import { SigningRoots } from "../../src/validator/signing-roots.ts";
import { SlashingProtection } from "../../src/validator/slashing-protection.ts";
import { ValidatorClient } from "../../src/validator/validator-client.ts";
import {
  advance,
  type FakeNode,
  fakeNode,
  GENESIS_ROOT,
  releaseTime,
  root,
  settle,
  stopTime,
  unreachable,
  until,
} from "./validator-fake-node.ts";

const SLOT_MS = 6_000;
const THIRD_MS = 1_999;
const FEE_RECIPIENT = new Uint8Array(20).fill(9);

const fulu = specWith(6);
const roots = new SigningRoots(fulu, GENESIS_ROOT);
let folder: string;
let clients: ValidatorClient[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cresset-validator-"));
});

afterEach(async () => {
  for (const client of clients) {
    // What still waits does so on a clock that stands.
    const stopped = client.stop();
    await advance(SLOT_MS);
    await stopped;
  }
  clients = [];
  releaseTime();
  for (const suffix of ["", "-same", "-other"]) rmSync(folder + suffix, { recursive: true, force: true });
});

/** All forks up to this one from genesis on, the others never. */
function specWith(forks: number): ChainSpec {
  const names = ["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU"];
  const epochs = names.map((name, i) => [`${name}_FORK_EPOCH`, i < forks ? 0 : Number.POSITIVE_INFINITY]);
  return createChainSpec({ ...defaultConfig("minimal"), ...Object.fromEntries(epochs), SLOT_DURATION_MS: SLOT_MS });
}

function signerOf(count: number): LocalSigner {
  return new LocalSigner(interopKeys(0, count - 1));
}

async function start(node: FakeNode, signer: LocalSigner, spec = fulu, at = folder): Promise<ValidatorClient> {
  const client = await ValidatorClient.start({
    spec,
    api: node,
    signer,
    folder: at,
    log: silentLogger,
    feeRecipient: FEE_RECIPIENT,
  });
  clients.push(client);
  await until(() => node.named("subscribeBeaconCommittees").length >= 2);
  await settle();
  return client;
}

/** Eight validators, one a slot, and a second before slot 8 begins: number 7 has just attested, late. */
async function eight(beforeMs = 1_000): Promise<{ node: FakeNode; client: ValidatorClient; signer: LocalSigner }> {
  const signer = signerOf(8);
  const node = fakeNode(fulu, signer.pubkeys);
  stopTime(8 * SLOT_MS - beforeMs);
  const client = await start(node, signer);
  node.calls.length = 0;
  return { node, client, signer };
}

function headEvent(node: FakeNode, slot: number): HeadEvent {
  return {
    type: "head",
    slot,
    block: node.head,
    state: root(2),
    isEpochTransition: false,
    currentEpochDependentRoot: node.dependentRoot,
    nextEpochDependentRoot: node.dependentRoot,
    isOptimistic: false,
  };
}

describe("validator client", () => {
  it("does every duty of a slot at its time, with signatures that hold", async () => {
    const { node, client, signer } = await eight();
    await advance(1_000 + SLOT_MS - 100);
    const at = (name: string) => node.named(name).map(({ atMs }) => atMs - 8 * SLOT_MS);
    const isAround = (times: number[], ms: number) =>
      assert.ok(times.length === 1 && times[0]! >= ms && times[0]! <= ms + 300, `${times} is not ${ms}`);
    isAround(at("produceBlock"), 0);
    isAround(at("publishBlock"), 0);
    isAround(at("produceAttestationData"), THIRD_MS);
    isAround(at("submitAttestations"), THIRD_MS);
    isAround(at("submitSyncCommitteeMessages"), THIRD_MS);
    isAround(at("getAggregateAttestation"), 2 * THIRD_MS);
    isAround(at("publishAggregateAndProofs"), 2 * THIRD_MS);

    const { signedBlock } = node.named("publishBlock")[0]!.args[0];
    assert.ok(verify(signer.pubkeys[0]!, roots.block(signedBlock.message), signedBlock.signature));
    assert.ok(verify(signer.pubkeys[0]!, roots.randao(1), signedBlock.message.body.randaoReveal));
    const submitted = node.named("submitAttestations")[0]!.args[0];
    assert.equal(submitted.kind, "single");
    const [attestation] = submitted.attestations;
    assert.equal(attestation.attesterIndex, 0);
    assert.ok(verify(signer.pubkeys[0]!, roots.attestation(attestation.data), attestation.signature));
    const [aggregate] = node.named("publishAggregateAndProofs")[0]!.args[1];
    assert.ok(verify(signer.pubkeys[0]!, roots.aggregateAndProof(aggregate.message), aggregate.signature));
    assert.ok(verify(signer.pubkeys[0]!, roots.slotSelection(8), aggregate.message.selectionProof));
    const messages = node.named("submitSyncCommitteeMessages")[0]!.args[0];
    assert.equal(messages.length, 2);
    assert.ok(verify(signer.pubkeys[1]!, roots.syncMessage(8, node.head), messages[1].signature));
    for (const { message, signature } of node.named("publishContributionAndProofs").flatMap(({ args }) => args[0])) {
      assert.ok(verify(signer.pubkeys[message.aggregatorIndex]!, roots.contributionAndProof(message), signature));
    }

    const { duties, validators, beaconNode } = client.status();
    assert.equal(beaconNode, "fake");
    assert.equal(duties.block.done, 1);
    assert.equal(duties.attestation.done, 2);
    assert.equal(duties.sync_message.done, 4);
    assert.equal(validators[0]!.lastAttestedSlot, 8);
    assert.equal(validators[0]!.lastProposedSlot, 8);
    assert.equal(validators[0]!.pubkey, toHex(signer.pubkeys[0]!));
  });

  it("prepares an epoch ahead: fee recipients, subnets, duties", async () => {
    const signer = signerOf(8);
    const node = fakeNode(fulu, signer.pubkeys);
    stopTime(-20_000);
    await start(node, signer);
    const preparations = node.named("prepareBeaconProposer")[0]!.args[0];
    assert.equal(preparations.length, 8);
    assert.deepEqual(preparations[7], { validatorIndex: 7, feeRecipient: FEE_RECIPIENT });
    assert.deepEqual(
      node.named("getAttesterDuties").map(({ args }) => args[0]),
      [0, 1],
    );
    assert.equal(node.named("subscribeSyncCommittees")[0]!.args[0][0].untilEpoch, 8);
    node.calls.length = 0;
    await advance(20_000 + 9 * SLOT_MS);
    assert.deepEqual(new Set(node.named("getAttesterDuties").map(({ args }) => args[0])), new Set([2]));
    assert.equal(node.named("publishBlock").length, 9, "all slots from 1 to 9");
    assert.equal(node.named("submitAttestations").length, 9, "all slots from 0 to 8");
  });

  it("attests as soon as the slot's block is the head, and once", async () => {
    const { node } = await eight();
    await advance(1_500);
    node.head = root(8);
    node.emit(headEvent(node, 8));
    node.emit(headEvent(node, 8));
    await until(() => node.named("submitAttestations").length > 0);
    const [call] = node.named("submitAttestations");
    assert.equal(call!.atMs, 8 * SLOT_MS + 500);
    assert.deepEqual(call!.args[0].attestations[0].data.beaconBlockRoot, root(8));
    await advance(SLOT_MS - 1_000);
    assert.equal(node.named("submitAttestations").length, 1);
    assert.equal(node.named("submitSyncCommitteeMessages").length, 1);
  });

  it("does not take a head of another slot for the slot's", async () => {
    const { node } = await eight();
    await advance(1_500);
    node.emit(headEvent(node, 7));
    node.emit(headEvent(node, 9));
    await settle();
    assert.equal(node.named("submitAttestations").length, 0);
    await advance(2_000);
    assert.equal(node.named("submitAttestations").length, 1);
  });

  it("fetches duties again when their chain is gone, and nobody attests twice in an epoch", async () => {
    const { node, client } = await eight();
    await advance(1_000 + SLOT_MS - 100);
    assert.equal(client.status().duties.attestation.done, 2);
    // On the other chain validator 6 attests in slot 8, 7 in slot 9 and 0, which has, in slot 10.
    node.shift = 2;
    node.dependentRoot = root(101);
    node.emit(headEvent(node, 8));
    await settle();
    assert.deepEqual(new Set(node.named("getAttesterDuties").map(({ args }) => args[0])), new Set([1, 2]));
    await advance(2 * SLOT_MS);
    const attesters = node
      .named("submitAttestations")
      .flatMap(({ args }) => args[0].attestations.map((a: { attesterIndex: number }) => a.attesterIndex));
    assert.deepEqual(attesters, [0, 6, 7]);
    assert.equal(client.status().duties.attestation.refused, 1);
    assert.match(client.status().validators[0]!.lastError, /slashing protection/);
  });

  it("tries again when the node fails, and says what was missed", async () => {
    const { node, client } = await eight();
    node.failures.set("produceAttestationData", { times: 2, error: unreachable() });
    node.failures.set("submitAttestations", { times: 1, error: unreachable() });
    node.failures.set("produceBlock", { times: 1, error: unreachable() });
    await advance(1_000 + SLOT_MS - 100);
    assert.equal(client.status().duties.attestation.done, 2);
    assert.equal(client.status().duties.block.done, 1);
    const [first, second] = node.named("submitAttestations").map(({ args }) => args[0].attestations[0].signature);
    assert.deepEqual(first, second);
    for (const name of ["produceAttestationData", "produceBlock", "getHeadBlockRoot", "getAggregateAttestation"]) {
      node.failures.set(name, { times: Number.POSITIVE_INFINITY, error: unreachable() });
    }
    await advance(2 * SLOT_MS);
    const { duties, validators } = client.status();
    assert.ok(duties.attestation.missed >= 1);
    assert.ok(duties.block.missed >= 1);
    assert.ok(duties.sync_message.missed >= 2);
    assert.match(validators[2]!.lastError, /nobody there/);
    assert.equal(validators[2]!.lastMissedProposalSlot, 10);
    node.failures.clear();
    await advance(2 * SLOT_MS);
    assert.equal(client.status().validators[4]!.lastAttestedSlot, 12);
  });

  it("counts what the node refuses item by item", async () => {
    const { node, client } = await eight();
    node.answers.set("submitAttestations", () => [{ index: 0, message: "unknown block" }]);
    await advance(1_000 + SLOT_MS - 100);
    assert.equal(client.status().duties.attestation.rejected, 1);
    await advance(200);
    assert.equal(client.status().duties.attestation.missed, 1);
  });

  it("signs nothing that the node makes up", async () => {
    const { node, client, signer } = await eight();
    const slot = 8;
    const data = { slot, index: 0, beaconBlockRoot: root(1), source: { epoch: 0, root: root(3) } };
    node.answers.set("produceAttestationData", () => ({ ...data, target: { epoch: 1000, root: root(4) } }));
    node.answers.set("getProposerDuties", () => ({
      dependentRoot: root(100),
      duties: [{ pubkey: signer.pubkeys[1]!, validatorIndex: 0, slot: 9 }],
    }));
    await advance(1_000 + SLOT_MS - 100);
    assert.equal(node.named("submitAttestations").length, 0);
    assert.match(client.status().validators[0]!.lastError, /not of slot 8/);
    node.emit({ ...headEvent(node, 8), currentEpochDependentRoot: root(102) });
    await advance(SLOT_MS);
    assert.equal(node.named("publishBlock").length, 1);
    await assert.rejects(
      start(Object.assign(fakeNode(fulu, []), { getSpec: async () => ({ FULU_FORK_EPOCH: "7" }) }), signerOf(1)),
      /another network: FULU_FORK_EPOCH is 7 there and 0 here/,
    );
  });

  it("signs nothing else after it was killed between writing and publishing", async () => {
    const { node, signer } = await eight();
    const pubkey = signer.pubkeys[0]!;
    node.answers.set("submitAttestations", () => new Promise(() => {}));
    node.answers.set("publishBlock", () => new Promise(() => {}));
    await advance(1_000 + 2_500);
    const lost = node.named("submitAttestations")[0]!.args[0].attestations[0];
    const lostBlock = node.named("publishBlock")[0]!.args[0].signedBlock;
    // What a killed process leaves is the file as it is now; the client here holds its lock for the rest of the test.
    const copies = [`${folder}-same`, `${folder}-other`];
    for (const copy of copies) cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes(".lock") });
    for (const [i, copy] of copies.entries()) {
      const protection = await SlashingProtection.open({ folder: copy });
      const again = i === 0 ? roots.block(lostBlock.message) : root(77);
      const refusal = await protection.recordBlock(pubkey, 8, again);
      assert.equal(refusal, i === 0 ? undefined : "BLOCK_NOT_ABOVE_HIGHEST");
      await protection.close();
      const sameKeys = signerOf(8);
      const restarted = fakeNode(fulu, sameKeys.pubkeys);
      if (i === 1) restarted.head = root(77);
      const client = await start(restarted, sameKeys, fulu, copy);
      await until(() => restarted.named("submitSyncCommitteeMessages").length > 0);
      await settle();
      const attestations = restarted.named("submitAttestations").flatMap(({ args }) => args[0].attestations);
      assert.deepEqual(attestations, i === 0 ? [lost] : []);
      assert.equal(client.status().duties.attestation.refused, i);
    }
  });

  it("asks once a slot for two thousand validators", { timeout: 60_000 }, async () => {
    const signer = signerOf(2_000);
    const node = fakeNode(fulu, signer.pubkeys);
    stopTime(8 * SLOT_MS - 1_000);
    const client = await start(node, signer);
    node.calls.length = 0;
    await advance(1_000 + 2_100);
    await until(() => client.status().validators[8]!.lastAttestedSlot === 8);
    assert.equal(node.named("produceAttestationData").filter(({ args }) => args[0] === 8).length, 1);
    const sent = node.named("submitAttestations").filter(({ args }) => args[0].attestations[0].data.slot === 8);
    assert.deepEqual(
      sent.map(({ args }) => args[0].attestations.length),
      [250],
    );
    assert.ok(client.status().slashingProtectionBytes < 2_000 * 120);
  });

  it("serves the forks before electra and before altair", async () => {
    const signer = signerOf(16);
    const phase0 = specWith(0);
    const node = fakeNode(phase0, signer.pubkeys);
    stopTime(8 * SLOT_MS - 1_000);
    await start(node, signer, phase0);
    node.calls.length = 0;
    await advance(1_000 + SLOT_MS - 100);
    assert.deepEqual(
      node.named("produceAttestationData").map(({ args }) => args),
      [
        [8, 0],
        [8, 1],
      ],
    );
    const submitted = node.named("submitAttestations").map(({ args }) => args[0]);
    assert.equal(submitted.length, 1);
    assert.equal(submitted[0].kind, "aggregated");
    const attestation = submitted[0].attestations[1];
    assert.equal(attestation.data.index, 1);
    assert.equal(attestation.aggregationBits.bitLen, 4);
    const ofPhase0 = new SigningRoots(phase0, GENESIS_ROOT);
    assert.ok(verify(signer.pubkeys[8]!, ofPhase0.attestation(attestation.data), attestation.signature));
    assert.equal(node.named("publishAggregateAndProofs").length, 1);
    assert.equal(node.named("getSyncDuties").length, 0);
    assert.equal(node.named("publishBlock").length, 1);
  });
});
