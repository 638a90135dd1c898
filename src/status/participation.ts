/** How much of the stake voted in the epoch before the head's. */

import { getCurrentEpoch, getPreviousEpoch } from "../spec/accessors.ts";
import { PARTICIPATION_FLAG_WEIGHTS } from "../spec/constants.ts";
import { Fork } from "../spec/fork.ts";
import type { BeaconState } from "../spec/state.ts";
import type { ParticipationStatus } from "./node-status.ts";

const CHUNK = 8192;
/** It is not counted again before this many times as long as it took: a hundredth of a core at most. */
const REST = 100;

/**
 * @cost one pass over participation, effective balances and activity
 * @returns undefined before altair, and in the first epoch
 */
export function participationOf(state: BeaconState): ParticipationStatus | undefined {
  if (state.fork < Fork.altair || getCurrentEpoch(state) === 0) return undefined;
  const { validators, previousEpochParticipation } = state;
  const epoch = getPreviousEpoch(state);
  const flags = new Uint8Array(CHUNK);
  const [stake, activation, exit] = [0, 0, 0].map(() => new Float64Array(CHUNK)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const voted = PARTICIPATION_FLAG_WEIGHTS.map(() => 0);
  let total = 0;
  for (let start = 0; start < validators.length; start += CHUNK) {
    const count = Math.min(CHUNK, validators.length - start);
    previousEpochParticipation.readRange(start, count, flags);
    validators.effectiveBalance.readRange(start, count, stake);
    validators.activationEpoch.readRange(start, count, activation);
    validators.exitEpoch.readRange(start, count, exit);
    for (let k = 0; k < count; k++) {
      if (!(activation[k]! <= epoch && epoch < exit[k]!)) continue;
      total += stake[k]!;
      for (let flag = 0; flag < voted.length; flag++) if (flags[k]! & (1 << flag)) voted[flag]! += stake[k]!;
    }
  }
  const [source, target, head] = voted.map((sum) => (total === 0 ? 0 : sum / total)) as [number, number, number];
  return { epoch, source, target, head };
}

/** Counts when the head has changed, and not too often. */
export class ParticipationMeter {
  #last: ParticipationStatus | undefined;
  #stateRoot = "";
  #restUntilMs = 0;

  read(stateRoot: string, state: () => BeaconState): ParticipationStatus | undefined {
    const beganMs = performance.now();
    if (stateRoot === this.#stateRoot || beganMs < this.#restUntilMs) return this.#last;
    this.#last = participationOf(state());
    this.#stateRoot = stateRoot;
    const endedMs = performance.now();
    this.#restUntilMs = endedMs + REST * (endedMs - beganMs);
    return this.#last;
  }
}
