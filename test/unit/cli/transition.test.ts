import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";

const program = new URL("../../../src/main.ts", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "cresset-transition-"));
const genesis = join(folder, "genesis.ssz");
after(() => rmSync(folder, { recursive: true }));

function transition(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [program, "transition", ...args, "--preset", "minimal"],
    {
      encoding: "utf8",
    },
  );
  return { status, stdout, stderr };
}

describe("cresset transition", () => {
  before(() => {
    const made = transition(
      "genesis",
      "--validators",
      "32",
      "--fork",
      "deneb",
      "--time",
      "1700000000",
      "--post",
      genesis,
    );
    assert.equal(made.status, 0, made.stderr);
  });

  test("advances slots, and finds its own result equal", () => {
    const post = join(folder, "nine.ssz_snappy");
    const first = transition("slots", genesis, "9", "--post", post, "--json");
    assert.equal(first.status, 0, first.stderr);
    assert.equal(JSON.parse(first.stdout).slot, 9);
    const again = transition("slots", genesis, "9", "--compare", post);
    assert.match(again.stdout, /\nequal\n$/);
    assert.equal(again.status, 0);
  });

  test("names the first place that differs", () => {
    const bytes = readFileSync(genesis);
    // The fixed part has the offset of balances; change one in the middle of them.
    const altered = join(folder, "altered.ssz");
    const at = balancesOffset(bytes) + 8 * 5;
    bytes.writeBigUInt64LE(31n, at);
    writeFileSync(altered, bytes);
    const result = transition("slots", genesis, "0", "--compare", altered, "--json");
    assert.equal(result.status, 1);
    const { equal, difference } = JSON.parse(result.stdout);
    assert.equal(equal, false);
    assert.equal(difference.path, "balances[5]");
    assert.deepEqual([difference.ours, difference.theirs], ["32000000000", "31"]);
  });

  test("explains an epoch step by step, in the spec's order", () => {
    const last = join(folder, "seven.ssz");
    assert.equal(transition("slots", genesis, "7", "--post", last).status, 0);
    const { stdout, status } = transition("epoch", last, "--explain", "--json");
    assert.equal(status, 0);
    const steps = JSON.parse(stdout).steps.map((step: { step: string }) => step.step);
    assert.deepEqual(steps.slice(0, 3), [
      "justification_and_finalization",
      "inactivity_updates",
      "rewards_and_penalties",
    ]);
    assert.equal(steps.at(-1), "sync_committee_updates");
    for (const { ms, pages, root } of JSON.parse(stdout).steps) {
      assert.ok(ms >= 0 && pages >= 0);
      assert.match(root, /^0x[0-9a-f]{64}$/);
    }
  });

  test("upgrades through all forks between", () => {
    const { stdout, status } = transition("upgrade", genesis, "fulu", "--json");
    assert.equal(status, 0);
    assert.equal(JSON.parse(stdout).fork, "fulu");
    assert.equal(transition("upgrade", genesis, "altair").status, 2);
  });

  test("reports a block that breaks a rule, with its code", () => {
    const block = join(folder, "block.ssz");
    const type = createChainSpec(MINIMAL_CONFIG).types.deneb.SignedBeaconBlock;
    const value = type.defaultValue();
    value.message.slot = 1;
    value.message.proposerIndex = 31;
    writeFileSync(block, type.serialize(value));
    const signed = transition("block", genesis, block);
    assert.equal(signed.status, 1);
    assert.match(signed.stdout, /^invalid: BLOCK_SIGNATURE_INVALID/);
    const unsigned = transition("block", genesis, block, "--no-verify-signatures", "--json");
    assert.equal(unsigned.status, 1);
    assert.match(JSON.parse(unsigned.stdout).invalid, /^HEADER_|^BLOCK_HEADER_/);
  });

  test("refuses bad input with the file, the field and the offset", () => {
    const cut = join(folder, "cut.ssz");
    writeFileSync(cut, readFileSync(genesis).subarray(0, 5000));
    const result = transition("slots", cut, "1");
    assert.equal(result.status, 3);
    assert.match(result.stderr, /cut\.ssz: BeaconState: .*field .*offset \d+/);
    assert.equal(transition("slots", genesis, "-4").status, 2);
    assert.equal(transition("epoch", genesis, "--step", "nothing").status, 2);
    assert.equal(transition("slots", join(folder, "none.ssz"), "1").status, 3);
  });
});

/** Where the balances of a minimal deneb state begin. */
function balancesOffset(bytes: Buffer): number {
  const type = createChainSpec(MINIMAL_CONFIG).types.deneb.BeaconState;
  let at = 0;
  for (const [name, field] of Object.entries(type.fields)) {
    if (name === "balances") return bytes.readUInt32LE(at);
    at += field.fixedSize ?? 4;
  }
  throw new Error("no balances");
}
