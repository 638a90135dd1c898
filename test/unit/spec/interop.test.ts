import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { getActiveValidatorCount, getBeaconProposerIndex } from "../../../src/spec/accessors.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { FORK_NAMES, Fork } from "../../../src/spec/fork.ts";
import { initializeInteropState, interopPublicKey, interopSecretKeyBytes } from "../../../src/spec/interop.ts";
import { BeaconState } from "../../../src/spec/state.ts";
import { processSlots } from "../../../src/spec/transition.ts";

/** From the mocked-start document of the eth2.0-pm repository. */
const KNOWN = [
  [
    "0x25295f0d1d592a90b333e26e85149708208e9f8e8bc18f6c77bd62f8ad7a6866",
    "0xa99a76ed7796f7be22d5b7e85deeb7c5677e88e511e0b337618f8c4eb61349b4bf2d153f649f7b53359fe8b94a38e44c",
  ],
  [
    "0x51d0b65185db6989ab0b560d6deed19c7ead0e24b9b6372cbecb1f26bdfad000",
    "0xb89bebc699769726a318c8e9971bd3171297c61aea4a6578a7a4f94b547dcba5bac16a89108b6b6a1fe3695d1a874a0b",
  ],
];

test("interop keys are the published ones", () => {
  KNOWN.forEach(([secret, pubkey], index) => {
    assert.equal(toHex(interopSecretKeyBytes(index)), secret);
    assert.equal(toHex(interopPublicKey(index)), pubkey);
  });
});

describe("interop genesis", () => {
  const pubkeys = Array.from({ length: 64 }, (_, i) => interopPublicKey(i));
  for (const name of FORK_NAMES) {
    test(`begins a chain at ${name}`, () => {
      const versions = FORK_NAMES.slice(1, Fork[name] + 1).map((fork) => [`${fork.toUpperCase()}_FORK_EPOCH`, 0]);
      const spec = createChainSpec({ ...MINIMAL_CONFIG, ...Object.fromEntries(versions) });
      const options = { fork: Fork[name], validatorCount: 64, genesisTime: 1_700_000_000, pubkeys };
      const state = initializeInteropState(spec, options);
      assert.equal(getActiveValidatorCount(state, 0), 64);
      assert.deepEqual(BeaconState.decode(spec, Fork[name], state.encode()).hashTreeRoot(), state.hashTreeRoot());
      const later = processSlots(state, 3 * spec.preset.SLOTS_PER_EPOCH);
      assert.equal(later.fork, Fork[name]);
      assert.ok(getBeaconProposerIndex(later) < 64);
    });
  }
});
