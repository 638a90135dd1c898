/**
 * The first state of a chain.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/genesis/README.md
 */
import assert from "node:assert/strict";
import { initializeBeaconStateFromEth1, isValidGenesisState } from "../../src/spec/genesis.ts";
import { assertState, specOf, stateOf } from "./chain.ts";
import { runVectors } from "./vectors.ts";

runVectors("genesis", {
  initialization: (vector) => {
    const spec = specOf(vector);
    const { eth1_block_hash, eth1_timestamp } = vector.yaml("eth1") as {
      eth1_block_hash: string;
      eth1_timestamp: number;
    };
    const deposits = Array.from({ length: vector.meta.deposits_count }, (_, i) =>
      spec.types.phase0.Deposit.deserialize(vector.ssz(`deposits_${i}`)),
    );
    const blockHash = Uint8Array.from(Buffer.from(eth1_block_hash.slice(2), "hex"));
    assertState(initializeBeaconStateFromEth1(spec, blockHash, eth1_timestamp, deposits), vector, "state");
  },
  validity: (vector) => {
    assert.equal(isValidGenesisState(stateOf(vector, "genesis")), vector.yaml("is_valid"));
  },
});
