/** The interchange vectors of EIP-3076, each on a file of its own that is opened anew between the steps. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fromHex } from "../../src/base/bytes.ts";
import { SlashingProtection } from "../../src/validator/slashing-protection.ts";

interface Attempt {
  pubkey: string;
  slot: string;
  source_epoch: string;
  target_epoch: string;
  signing_root?: string;
  should_succeed: boolean;
  should_succeed_complete: boolean;
}

interface Vector {
  name: string;
  genesis_validators_root: string;
  steps: {
    should_succeed: boolean;
    interchange: unknown;
    blocks: Attempt[];
    attestations: Attempt[];
  }[];
}

const folder = process.env.CRESSET_SLASHING_VECTORS ?? findVectors();
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  test(file.replace(".json", ""), () => run(JSON.parse(readFileSync(join(folder, file), "utf8")) as Vector));
}

/** The whole set beside the repository, or the few vectors in it. */
function findVectors(): string {
  const all = join(import.meta.dirname, "../../../shared/slashing-protection/tests/generated");
  try {
    readdirSync(all);
    return all;
  } catch {
    console.log("the interchange vectors are not here: using the repository's own few");
    return join(import.meta.dirname, "slashing-protection");
  }
}

async function run(vector: Vector): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "cresset-slashing-"));
  try {
    const genesisValidatorsRoot = fromHex(vector.genesis_validators_root);
    for (const step of vector.steps) {
      // Compacting before every write must change nothing.
      const protection = await SlashingProtection.open({ folder: data, genesisValidatorsRoot, compactAboveBytes: 0 });
      const imported = protection.importInterchange(JSON.stringify(step.interchange));
      if (step.should_succeed) await imported;
      else await assert.rejects(imported);
      for (const block of step.blocks) check(block, "block", await signBlock(protection, block));
      for (const vote of step.attestations) check(vote, "attestation", await signAttestation(protection, vote));
      assert.ok((await protection.exportInterchange()).length > 0);
      await protection.close();
    }
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** Must be signed where less history is enough to allow it, must not where even the whole history forbids it. */
function check(attempt: Attempt, what: string, refusal: string | undefined): void {
  const text = `${what} ${JSON.stringify(attempt)}: ${refusal}`;
  if (attempt.should_succeed) assert.equal(refusal, undefined, text);
  if (!attempt.should_succeed_complete) assert.notEqual(refusal, undefined, text);
}

/** The vectors leave roots out where any will do that no other message has. */
function rootOf({ signing_root }: Attempt): Uint8Array {
  return signing_root === undefined ? crypto.getRandomValues(new Uint8Array(32)) : fromHex(signing_root);
}

function signBlock(protection: SlashingProtection, block: Attempt): Promise<string | undefined> {
  return protection.recordBlock(fromHex(block.pubkey), Number(block.slot), rootOf(block));
}

async function signAttestation(protection: SlashingProtection, vote: Attempt): Promise<string | undefined> {
  const [sourceEpoch, targetEpoch] = [Number(vote.source_epoch), Number(vote.target_epoch)];
  const pubkeys = [fromHex(vote.pubkey)];
  const [refusals] = await protection.recordAttestations([
    { sourceEpoch, targetEpoch, signingRoot: rootOf(vote), pubkeys },
  ]);
  return refusals?.[0];
}
