import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { DecodeError } from "../../../src/base/errors.ts";
import { createTypes } from "../../../src/spec/containers.ts";
import { MINIMAL_PRESET } from "../../../src/spec/preset.ts";
import { decodeSsz } from "../../../src/spec/ssz-decode.ts";
import { valueFromJson } from "../../../src/spec/ssz-json.ts";
import { itemPlace, nodeInfo, placeOf } from "../../../src/spec/ssz-path.ts";

const { fulu: types } = createTypes(MINIMAL_PRESET, "bigint");
const block = types.SignedBeaconBlock.defaultValue();
block.message.body.executionPayload.transactions = [Uint8Array.of(1, 2, 3), new Uint8Array(40).fill(9)];
const attestation = types.Attestation.defaultValue();
block.message.body.attestations = [attestation, attestation];
const bytes = types.SignedBeaconBlock.serialize(block);

function refuses(
  change: (copy: Uint8Array, view: DataView) => Uint8Array | undefined,
  path: string,
  offset: number,
): void {
  const copy = bytes.slice();
  const changed = change(copy, new DataView(copy.buffer)) ?? copy;
  assert.throws(
    () => decodeSsz(types.SignedBeaconBlock, changed),
    (error) => {
      assert.ok(error instanceof DecodeError);
      assert.deepEqual([error.path, error.offset], [path, offset], error.message);
      return true;
    },
  );
}

describe("decodeSsz", () => {
  const messageAt = 100;
  const bodyAt = messageAt + 84;

  test("gives the value, with memory of its own", () => {
    const buffer = Buffer.from(bytes);
    const value = decodeSsz(types.SignedBeaconBlock, buffer);
    assert.equal(toHex(types.SignedBeaconBlock.serialize(value)), toHex(bytes));
    buffer.fill(0xee);
    assert.equal(toHex(types.SignedBeaconBlock.serialize(value)), toHex(bytes));
  });

  test("names the field and the place of a fault", () => {
    refuses((_, view) => void view.setUint32(0, 99, true), "message", 0);
    refuses((copy) => copy.subarray(0, 50), "", 0);
    refuses((copy) => copy.subarray(0, messageAt + 20), "message", messageAt);
    refuses((_, view) => void view.setUint32(messageAt + 80, 85, true), "message.body", messageAt + 80);
    // The offset of the attestations goes back before that of the slashings.
    const attestationsAt = bodyAt + 96 + 72 + 32 + 8;
    refuses((_, view) => void view.setUint32(attestationsAt, 4, true), "message.body.attestations", attestationsAt);
    const first = bodyAt + new DataView(bytes.buffer).getUint32(attestationsAt, true);
    refuses((_, view) => void view.setUint32(first, 7, true), "message.body.attestations", first);
    refuses((_, view) => void view.setUint32(first + 4, 2 ** 31, true), "message.body.attestations[1]", first + 4);
    // The delimiting bit of the first attestation's bits.
    const bits = first + 8 + types.Attestation.minSize - 1;
    refuses((copy) => void copy.fill(0, bits, bits + 1), "message.body.attestations[0].aggregation_bits", bits);
  });

  test("of every cut and every flipped bit gives a value or a DecodeError with a place", () => {
    let refused = 0;
    for (let end = 0; end < bytes.length; end += 3) refused += attempt(bytes.subarray(0, end));
    assert.equal(refused, Math.ceil(bytes.length / 3));
    for (let bit = 0; bit < bytes.length * 8; bit += 5) {
      const copy = bytes.slice();
      copy[bit >> 3]! ^= 1 << (bit & 7);
      refused += attempt(copy);
    }
    assert.ok(refused > 500);
  });

  function attempt(input: Uint8Array): number {
    try {
      const value = decodeSsz(types.SignedBeaconBlock, input);
      assert.equal(toHex(types.SignedBeaconBlock.serialize(value)), toHex(input));
      return 0;
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
      assert.ok(error.offset >= 0, error.message);
      return 1;
    }
  }
});

// biome-ignore lint/suspicious/noExplicitAny: JSON is changed in every way here
type Json = any;

describe("valueFromJson", () => {
  const json = (): Json => types.SignedBeaconBlock.toJson(block);
  const refusesJson = (change: (value: Json) => void, path: string) => {
    const value = json();
    change(value);
    assert.throws(
      () => valueFromJson(types.SignedBeaconBlock, value),
      (error) => error instanceof DecodeError && error.path === path,
      path,
    );
  };

  test("gives the value", () => {
    assert.equal(
      toHex(types.SignedBeaconBlock.serialize(valueFromJson(types.SignedBeaconBlock, json()))),
      toHex(bytes),
    );
  });

  test("names the field of a fault", () => {
    refusesJson((value) => delete value.signature, "signature");
    refusesJson((value) => (value.extra = 1), "extra");
    refusesJson((value) => (value.message.slot = "-1"), "message.slot");
    refusesJson((value) => (value.message.slot = 1.5), "message.slot");
    refusesJson((value) => (value.message.slot = "0x10"), "message.slot");
    refusesJson((value) => (value.message.slot = ""), "message.slot");
    refusesJson((value) => (value.message.slot = null), "message.slot");
    refusesJson((value) => (value.message.body = []), "message.body");
    refusesJson((value) => (value.message.body.attestations = {}), "message.body.attestations");
    refusesJson(
      (value) => (value.message.body.attestations = Array(9).fill(value.message.body.attestations[0])),
      "message.body.attestations",
    );
    refusesJson(
      (value) => (value.message.body.attestations[1].aggregation_bits = "0x"),
      "message.body.attestations[1].aggregation_bits",
    );
    refusesJson(
      (value) => (value.message.body.attestations[1].committee_bits = "0xff"),
      "message.body.attestations[1].committee_bits",
    );
    refusesJson((value) => (value.message.body.graffiti = "0x0g"), "message.body.graffiti");
    refusesJson((value) => (value.message.body.graffiti = "00".repeat(32)), "message.body.graffiti");
  });
});

describe("paths", () => {
  test("lead to the spec's generalized indices", () => {
    assert.equal(placeOf(types.BeaconState, "finalized_checkpoint.root").gindex, 169n);
    assert.equal(placeOf(types.BeaconState, "currentSyncCommittee").gindex, 86n);
    assert.equal(placeOf(types.BeaconState, "next_sync_committee").gindex, 87n);
    assert.equal(placeOf(types.BeaconBlockBody, "execution_payload").gindex, 25n);
    assert.equal(placeOf(types.BeaconBlockBody, "blob_kzg_commitments").gindex, 27n);
    // KZG_COMMITMENT_INCLUSION_PROOF_DEPTH is the depth of one commitment.
    assert.equal(placeOf(types.BeaconBlockBody, "blob_kzg_commitments[5]").gindex, 2n ** 17n + 11n * 2n ** 13n + 5n);
    assert.equal(placeOf(types.BeaconState, "").gindex, 1n);
    assert.equal(itemPlace(types.BeaconState.fields.balances as never, 1n, 7, "").gindex, 2n ** 39n + 1n);
  });

  test("agree with the library's own", () => {
    for (const path of [
      ["validators", 5, "slashed"],
      ["balances", 9],
      ["eth1Data", "depositCount"],
      ["justificationBits"],
    ]) {
      const text = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
      assert.equal(placeOf(types.BeaconState, text).gindex, types.BeaconState.getPathInfo(path as never).gindex);
    }
  });

  test("are found again from the index", () => {
    for (const path of ["slot", "validators", "validators[3]", "validators[3].exit_epoch", "balances.length"]) {
      assert.equal(nodeInfo(types.BeaconState, placeOf(types.BeaconState, path).gindex)?.path, path);
    }
    assert.equal(nodeInfo(types.BeaconState, placeOf(types.BeaconState, "balances[7]").gindex)?.path, "balances[4]");
    assert.equal(nodeInfo(types.BeaconState, 2n)?.kind, "inner");
    assert.equal(nodeInfo(types.BeaconState, 127n)?.kind, "padding");
    assert.equal(nodeInfo(types.BeaconState, 254n), undefined);
    assert.equal(nodeInfo(types.BeaconState, placeOf(types.BeaconState, "slot").gindex * 2n), undefined);
  });

  for (const path of [
    "validatorz",
    "validators[-1]",
    "validators[1099511627776]",
    "slot.length",
    "balances.length.x",
    "a b",
    "[0]",
    "x".repeat(500),
  ]) {
    test(`refuse ${path.slice(0, 30)}`, () => {
      assert.throws(() => placeOf(types.BeaconState, path), { code: "USAGE" });
    });
  }
});
