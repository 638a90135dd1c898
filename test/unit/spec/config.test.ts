import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { DecodeError } from "../../../src/base/errors.ts";
import {
  CONFIG_TABLE,
  forkAtEpoch,
  forkEpoch,
  forkVersion,
  MAINNET_CONFIG,
  MINIMAL_CONFIG,
} from "../../../src/spec/config.ts";
import { parseConfig } from "../../../src/spec/config-file.ts";
import { Fork } from "../../../src/spec/fork.ts";
import { MAINNET_PRESET, MINIMAL_PRESET } from "../../../src/spec/preset.ts";

function refuses(yaml: string, path: string, message: RegExp): void {
  assert.throws(
    () => parseConfig(yaml),
    (error) => {
      assert.ok(error instanceof DecodeError, String(error));
      assert.equal(error.path, path);
      assert.match(error.message, message);
      return true;
    },
  );
}

describe("parseConfig", () => {
  test("keeps hexadecimal as bytes, with leading zeros", () => {
    const { config } = parseConfig("GENESIS_FORK_VERSION: 0x00000005\nALTAIR_FORK_VERSION: '0x01000000'\n");
    assert.equal(toHex(config.GENESIS_FORK_VERSION), "0x00000005");
    assert.equal(toHex(config.ALTAIR_FORK_VERSION), "0x01000000");
  });

  test("reads never as Infinity and large numbers exactly", () => {
    const { config } = parseConfig(
      "FULU_FORK_EPOCH: 18446744073709551615\nTERMINAL_TOTAL_DIFFICULTY: 115792089237316195423570985008687907853269984665640564039457584007913129638912",
    );
    assert.equal(config.FULU_FORK_EPOCH, Infinity);
    assert.equal(config.TERMINAL_TOTAL_DIFFICULTY, 2n ** 256n - 2n ** 10n);
  });

  test("names what is unknown and what is missing, and fills in the preset's own values", () => {
    const { config, unknown, missing } = parseConfig(
      "PRESET_BASE: minimal\nFOO: 1\nBAR: [1, {a: b}]\nGENESIS_DELAY: 7",
    );
    assert.deepEqual(unknown, ["FOO", "BAR"]);
    assert.equal(missing.length, Object.keys(CONFIG_TABLE).length + 1);
    assert.ok(
      missing.includes("CONFIG_NAME") && missing.includes("BLOB_SCHEDULE") && !missing.includes("GENESIS_DELAY"),
    );
    assert.equal(config.GENESIS_DELAY, 7);
    assert.equal(config.SHARD_COMMITTEE_PERIOD, MINIMAL_CONFIG.SHARD_COMMITTEE_PERIOD);
  });

  test("takes the slot's length from its old name, and refuses two that disagree", () => {
    const { config, missing } = parseConfig("SECONDS_PER_SLOT: 4");
    assert.equal(config.SLOT_DURATION_MS, 4000);
    assert.ok(!missing.includes("SLOT_DURATION_MS"));
    refuses("SECONDS_PER_SLOT: 4\nSLOT_DURATION_MS: 12000", "SECONDS_PER_SLOT", /implies 12/);
    refuses("MIN_EPOCHS_FOR_BLOCK_REQUESTS: 5", "MIN_EPOCHS_FOR_BLOCK_REQUESTS", /implies 33024/);
  });

  test("sorts the blob schedule by epoch", () => {
    const yaml = "BLOB_SCHEDULE:\n- {EPOCH: 9, MAX_BLOBS_PER_BLOCK: 2}\n- {EPOCH: 1, MAX_BLOBS_PER_BLOCK: 3}";
    assert.deepEqual(
      parseConfig(yaml).config.BLOB_SCHEDULE.map((entry) => entry.EPOCH),
      [1, 9],
    );
  });

  test("cannot be made to touch prototypes", () => {
    const { config, unknown } = parseConfig("__proto__: 1\nconstructor: 2\ntoString: 3");
    assert.deepEqual(unknown, ["__proto__", "constructor", "toString"]);
    assert.equal(Object.getPrototypeOf(config), Object.prototype);
  });

  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghij".replace(/./g, (c, i) => `${c}: &${c} [${Array(9).fill(`*${"abcdefghi"[i]}`)}]\n`)}`;

  test("does not expand aliases", () => {
    const { unknown } = parseConfig(bomb);
    assert.equal(unknown.length, 10);
    refuses(`${bomb}GENESIS_DELAY: *j`, "GENESIS_DELAY", /single value/);
  });

  for (const [name, yaml, path, message] of [
    ["a text that is too long", `A: ${"x".repeat(1 << 18)}`, "", /at most 262144/],
    ["a list", "- 1", "", /not a map/],
    ["nothing", "", "", /not a map/],
    ["broken YAML", "A: [1", "", /not YAML/],
    ["deep nesting", `A: ${"[".repeat(100_000)}`, "", /not YAML/],
    ["two documents", "A: 1\n---\nB: 2", "", /not YAML/],
    ["a key given twice", "GENESIS_DELAY: 1\nGENESIS_DELAY: 2", "", /not YAML.*unique/],
    ["a key that is no name", "? [a]\n: 1", "", /not a name/],
    ["a negative number", "GENESIS_DELAY: -1", "GENESIS_DELAY", /not a whole number/],
    ["a fraction", "GENESIS_DELAY: 1.5", "GENESIS_DELAY", /not a whole number/],
    ["an exponent", "GENESIS_DELAY: 1e3", "GENESIS_DELAY", /not a whole number/],
    ["a number in hexadecimal", "GENESIS_DELAY: 0x10", "GENESIS_DELAY", /not a whole number/],
    ["an empty value", "GENESIS_DELAY:", "GENESIS_DELAY", /not a whole number/],
    ["a map for a number", "GENESIS_DELAY: {a: 1}", "GENESIS_DELAY", /single value/],
    ["a number that a double cannot hold", "DEPOSIT_CHAIN_ID: 9007199254740992", "DEPOSIT_CHAIN_ID", /2\^53/],
    ["a number past uint256", `TERMINAL_TOTAL_DIFFICULTY: 9${"0".repeat(77)}`, "TERMINAL_TOTAL_DIFFICULTY", /2\^256/],
    ["a zero that divides", "CHURN_LIMIT_QUOTIENT: 0", "CHURN_LIMIT_QUOTIENT", /must not be 0/],
    ["too many basis points", "ATTESTATION_DUE_BPS: 10001", "ATTESTATION_DUE_BPS", /basis points/],
    [
      "a version that is too short",
      "GENESIS_FORK_VERSION: 0x0000",
      "GENESIS_FORK_VERSION",
      /4 bytes expected, 2 given/,
    ],
    ["an odd number of digits", "GENESIS_FORK_VERSION: 0x0000000", "GENESIS_FORK_VERSION", /3.5 given/],
    ["a version that is no hexadecimal", "GENESIS_FORK_VERSION: 0x0000zz00", "GENESIS_FORK_VERSION", /not 0x-hex/],
    [
      "an address that is too long",
      `DEPOSIT_CONTRACT_ADDRESS: 0x${"00".repeat(21)}`,
      "DEPOSIT_CONTRACT_ADDRESS",
      /20 bytes/,
    ],
    ["an unknown preset", "PRESET_BASE: gnosis", "PRESET_BASE", /no preset/],
    ["a name with a line break", 'CONFIG_NAME: "a\\nb"', "CONFIG_NAME", /short name/],
    ["a fork before its parent", "DENEB_FORK_EPOCH: 5", "DENEB_FORK_EPOCH", /before the fork ahead/],
    ["a schedule that is no list", "BLOB_SCHEDULE: 1", "BLOB_SCHEDULE", /list is expected/],
    [
      "a schedule entry without blobs",
      "BLOB_SCHEDULE: [{EPOCH: 1}]",
      "BLOB_SCHEDULE[0].MAX_BLOBS_PER_BLOCK",
      /missing/,
    ],
    ["a schedule entry with more", "BLOB_SCHEDULE: [{EPOCH: 1, X: 2}]", "BLOB_SCHEDULE[0].X", /unknown key/],
    [
      "an epoch scheduled twice",
      "BLOB_SCHEDULE: [{EPOCH: 1, MAX_BLOBS_PER_BLOCK: 2}, {EPOCH: 1, MAX_BLOBS_PER_BLOCK: 3}]",
      "BLOB_SCHEDULE",
      /twice/,
    ],
  ] as const) {
    test(`refuses ${name}`, () => refuses(yaml, path, message));
  }
});

describe("fork schedule", () => {
  test("gives the newest fork that has started", () => {
    assert.equal(forkAtEpoch(MAINNET_CONFIG, 0), Fork.phase0);
    assert.equal(forkAtEpoch(MAINNET_CONFIG, 74_239), Fork.phase0);
    assert.equal(forkAtEpoch(MAINNET_CONFIG, 74_240), Fork.altair);
    assert.equal(forkAtEpoch(MAINNET_CONFIG, 411_392), Fork.fulu);
    assert.equal(forkAtEpoch(MINIMAL_CONFIG, 2 ** 52), Fork.phase0);
  });

  test("skips forks that start together", () => {
    const together = { ...MINIMAL_CONFIG, ALTAIR_FORK_EPOCH: 0, BELLATRIX_FORK_EPOCH: 0, CAPELLA_FORK_EPOCH: 3 };
    assert.equal(forkAtEpoch(together, 0), Fork.bellatrix);
    assert.equal(forkAtEpoch(together, 3), Fork.capella);
  });

  test("has an epoch and a version for each fork", () => {
    for (const fork of Object.values(Fork)) {
      assert.equal(forkVersion(MAINNET_CONFIG, fork)[0], fork);
      assert.equal(forkVersion(MINIMAL_CONFIG, fork)[3], 1);
      assert.equal(forkEpoch(MINIMAL_CONFIG, fork), fork === Fork.phase0 ? 0 : Infinity);
    }
  });
});

describe("presets", () => {
  test("differ where they should and cannot be changed", () => {
    assert.equal(MAINNET_PRESET.SLOTS_PER_EPOCH, 32);
    assert.equal(MINIMAL_PRESET.SLOTS_PER_EPOCH, 8);
    assert.equal(MINIMAL_PRESET.PENDING_CONSOLIDATIONS_LIMIT, 64);
    assert.deepEqual(Object.keys(MAINNET_PRESET), Object.keys(MINIMAL_PRESET));
    assert.throws(() => Object.assign(MAINNET_PRESET, { SLOTS_PER_EPOCH: 1 }), TypeError);
  });
});
