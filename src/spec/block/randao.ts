/**
 * Randomness from proposers. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md#randao
 */
import { assertValid } from "../../base/errors.ts";
import { sha256 } from "../../crypto/sha256.ts";
import { getBeaconProposerIndex, getCurrentEpoch, getRandaoMix } from "../accessors.ts";
import type { BeaconBlockBody } from "../containers.ts";
import { randaoSignatureSet, type Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";

/**
 * Mixes the proposer's signature over the epoch into this epoch's randomness.
 * @spec process_randao (phase0)
 */
export function processRandao(state: BeaconState, body: BeaconBlockBody, verifier: Verifier): void {
  const epoch = getCurrentEpoch(state);
  const proposerIndex = getBeaconProposerIndex(state);
  const set = randaoSignatureSet(state, proposerIndex, epoch, body.randaoReveal);
  assertValid(verifier.verify(set), "RANDAO_BAD_SIGNATURE", { proposerIndex, epoch });
  const mix = getRandaoMix(state, epoch).slice();
  const revealed = sha256(body.randaoReveal);
  for (let i = 0; i < mix.length; i++) mix[i]! ^= revealed[i]!;
  state.randaoMixes.set(epoch % state.spec.preset.EPOCHS_PER_HISTORICAL_VECTOR, mix);
}
