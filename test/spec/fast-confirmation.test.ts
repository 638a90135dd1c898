/** https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/fast_confirmation/README.md */
import type { SignedBeaconBlock } from "../../src/spec/containers.ts";
import { Fork, isForkName } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { isValidDepositSignature } from "../../src/spec/predicates.ts";
import { specOf } from "./chain.ts";
import { runForkChoiceCase } from "./fork-choice-case.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

const SIGNATURES_OFF = 2;

runVectors(
  "fast_confirmation",
  {
    basic: runForkChoiceCase,
    current_epoch: runForkChoiceCase,
    empty_slots: runForkChoiceCase,
    ffg: runForkChoiceCase,
    is_one_confirmed: runForkChoiceCase,
    previous_epoch: runForkChoiceCase,
    reconfirmation: runForkChoiceCase,
    restart_gu: runForkChoiceCase,
    revert_finality: runForkChoiceCase,
    variables: runForkChoiceCase,
  },
  { skip: unsignedDeposit },
);

/**
 * A deposit's signature decides whether it makes a validator: that is a rule of the state, which no verifier switches off.
 * A case whose signatures are placeholders can only be replayed by a program that believes every deposit.
 */
function unsignedDeposit(vector: VectorCase): string | undefined {
  if (vector.meta.bls_setting !== SIGNATURES_OFF || !isForkName(vector.fork) || Fork[vector.fork] < Fork.electra)
    return;
  const spec = specOf(vector);
  const type = forkTypes({ spec, fork: Fork[vector.fork] }).SignedBeaconBlock;
  for (const file of vector.files.filter((name) => name.startsWith("block_"))) {
    const block = type.deserialize(vector.ssz(file.replace(".ssz_snappy", ""))) as SignedBeaconBlock;
    for (const { pubkey, withdrawalCredentials, amount, signature } of block.message.body.executionRequests.deposits) {
      if (!isValidDepositSignature(spec, pubkey, withdrawalCredentials, BigInt(amount), signature)) {
        return "made with signatures off: the signature of its deposit is a placeholder";
      }
    }
  }
  return;
}
