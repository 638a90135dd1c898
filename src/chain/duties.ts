/**
 * Who has to do what in an epoch, as the beacon API tells it.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import { bytesEqual } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import {
  getBeaconCommittee,
  getBeaconProposerIndices,
  getCommitteeCountPerSlot,
  getCurrentEpoch,
} from "../spec/accessors.ts";
import type { AttesterDuty, Duties, ProposerDuty, SyncDuty } from "../spec/duties.ts";
import { Fork } from "../spec/fork.ts";
import { computeStartSlotAtEpoch, computeSyncCommitteePeriod } from "../spec/misc.ts";
import type { BeaconState } from "../spec/state.ts";
import type { Chain } from "./chain.ts";
import { attesterDependentRoot } from "./head.ts";

/** @param epoch the current or the next one. @throws UsageError for any other */
export function getProposerDuties(chain: Chain, epoch: number): Duties<ProposerDuty> {
  checkEpoch(chain, epoch);
  const state = stateOfEpoch(chain, epoch, true);
  const start = computeStartSlotAtEpoch(chain.spec, epoch);
  const duties = proposersOf(state, epoch).map((validatorIndex, k) => {
    return { validatorIndex, slot: start + k, pubkey: state.validators.getPubkey(validatorIndex) };
  });
  // From fulu on the lookahead fixes proposers when committees are fixed.
  const dependsOn = state.fork >= Fork.fulu ? epoch : epoch + 1;
  const dependentRoot = attesterDependentRoot(state, chain.head.root, dependsOn);
  return { dependentRoot, isOptimistic: chain.head.isOptimistic, duties };
}

/** @param epoch at most the next one. @throws UsageError for an unknown index */
export function getAttesterDuties(
  chain: Chain,
  epoch: number,
  validatorIndices: readonly number[],
): Duties<AttesterDuty> {
  checkEpoch(chain, epoch);
  const state = stateOfEpoch(chain, epoch, false);
  const unknown = validatorIndices.find((index) => !(index < state.validators.length));
  if (unknown !== undefined) throw new UsageError(`there is no validator ${unknown}`);
  const wanted = new Set(validatorIndices);
  const duties: AttesterDuty[] = [];
  const start = computeStartSlotAtEpoch(chain.spec, epoch);
  const committeesAtSlot = getCommitteeCountPerSlot(state, epoch);
  for (let slot = start; slot < start + chain.spec.preset.SLOTS_PER_EPOCH; slot++) {
    for (let committeeIndex = 0; committeeIndex < committeesAtSlot; committeeIndex++) {
      addDuties(state, { slot, committeeIndex, committeesAtSlot }, wanted, duties);
    }
  }
  const dependentRoot = attesterDependentRoot(state, chain.head.root, epoch);
  return { dependentRoot, isOptimistic: chain.head.isOptimistic, duties };
}

/** Of the sync committee period of an epoch, this one or the next; validators without a seat are left out. */
export function getSyncDuties(chain: Chain, epoch: number, validatorIndices: readonly number[]): SyncDuty[] {
  const state = chain.headState();
  if (state.fork < Fork.altair) return [];
  const period = computeSyncCommitteePeriod(chain.spec, epoch);
  const current = computeSyncCommitteePeriod(chain.spec, getCurrentEpoch(state));
  if (period !== current && period !== current + 1)
    throw new UsageError(`epoch ${epoch} is too far away for sync duties`);
  const { pubkeys } = period === current ? state.currentSyncCommittee : state.nextSyncCommittee;
  const duties: SyncDuty[] = [];
  for (const validatorIndex of validatorIndices) {
    if (!(validatorIndex < state.validators.length)) throw new UsageError(`there is no validator ${validatorIndex}`);
    const pubkey = state.validators.getPubkey(validatorIndex);
    const seats = pubkeys.flatMap((key, seat) => (bytesEqual(key, pubkey) ? [seat] : []));
    if (seats.length > 0) duties.push({ pubkey, validatorIndex, validatorSyncCommitteeIndices: seats });
  }
  return duties;
}

function addDuties(
  state: BeaconState,
  place: { slot: number; committeeIndex: number; committeesAtSlot: number },
  wanted: ReadonlySet<number>,
  duties: AttesterDuty[],
): void {
  const committee = getBeaconCommittee(state, place.slot, place.committeeIndex);
  for (let k = 0; k < committee.length; k++) {
    const validatorIndex = committee[k]!;
    if (!wanted.has(validatorIndex)) continue;
    const pubkey = state.validators.getPubkey(validatorIndex);
    duties.push({ ...place, pubkey, validatorIndex, committeeLength: committee.length, validatorCommitteeIndex: k });
  }
}

/** The head's state in an epoch from which its committees are known; its proposers too, where those are wanted. */
function stateOfEpoch(chain: Chain, epoch: number, wantsProposers: boolean): BeaconState {
  const state = chain.headState();
  const current = getCurrentEpoch(state);
  const isEnough = current === epoch || (current + 1 === epoch && (!wantsProposers || state.fork >= Fork.fulu));
  if (isEnough) return state;
  const from = wantsProposers && state.fork < Fork.fulu ? epoch : Math.max(current, epoch - 1);
  return from > current ? chain.headStateAt(computeStartSlotAtEpoch(chain.spec, from)) : state;
}

/** Proposers of every slot of the state's epoch or, from fulu on, the next. */
function proposersOf(state: BeaconState, epoch: number): number[] {
  if (state.fork < Fork.fulu) return getBeaconProposerIndices(state, epoch);
  const { SLOTS_PER_EPOCH } = state.spec.preset;
  const from = (epoch - getCurrentEpoch(state)) * SLOTS_PER_EPOCH;
  return state.proposerLookahead.slice(from, from + SLOTS_PER_EPOCH);
}

function checkEpoch(chain: Chain, epoch: number): void {
  const current = Math.max(0, chain.slotClock.currentEpoch());
  if (!Number.isSafeInteger(epoch) || epoch > current + 1)
    throw new UsageError(`epoch ${epoch} is after the next, ${current + 1}`);
  if (epoch + 1 < current) throw new UsageError(`epoch ${epoch} is before the last, ${current - 1}`);
}
