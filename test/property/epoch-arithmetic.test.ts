/**
 * Epoch steps that work on pages of doubles give what the spec's uint64 arithmetic gives, validator by validator,
 * also where balances, effective balances and scores are far beyond what a chain would hold.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidBlock } from "../../src/base/errors.ts";
import type { U64Column } from "../../src/columns/u64-column.ts";
import { getCurrentEpoch, getPreviousEpoch, getTotalActiveBalance, getTotalBalance } from "../../src/spec/accessors.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { FAR_FUTURE_EPOCH } from "../../src/spec/constants.ts";
import { processEffectiveBalanceUpdates } from "../../src/spec/epoch/effective-balance-updates.ts";
import { processInactivityUpdates } from "../../src/spec/epoch/inactivity-updates.ts";
import { RegistryScan } from "../../src/spec/epoch/registry-scan.ts";
import { processRewardsAndPenalties } from "../../src/spec/epoch/rewards-and-penalties.ts";
import { Fork } from "../../src/spec/fork.ts";
import { getMaxEffectiveBalance } from "../../src/spec/predicates.ts";
import {
  getEligibleValidatorIndices,
  getFlagIndexDeltas,
  getInactivityPenaltyDeltas,
  getUnslashedParticipatingIndices,
  isInInactivityLeak,
} from "../../src/spec/rewards.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { StateCache } from "../../src/spec/state-cache.ts";
import { type Random, seededRandom } from "./random.ts";

const spec = createChainSpec(MINIMAL_CONFIG);
const EPOCH = 30;
const ROUNDS = 16;
const SEED = Number(process.env.SEED ?? 1);

const ODDITIES = ["plain", "low", "odd", "huge balances", "huge scores", "huge effective", "overflowing"] as const;
type Oddity = (typeof ODDITIES)[number];

/** @param isUniform one effective balance but for the odd ones, so that most pages hold nothing new */
function randomState(random: Random, fork: Fork, oddity: Oddity, isUniform: boolean): BeaconState {
  const state = BeaconState.empty(spec, fork);
  const count = 1100 + random.below(1500);
  for (let i = 0; i < count; i++) {
    const isSlashed = random.below(12) === 0;
    const exitEpoch = random.below(6) === 0 ? EPOCH - 4 + random.below(8) : FAR_FUTURE_EPOCH;
    const credentials = random.bytes(32);
    credentials[0] = random.below(3);
    state.validators.push({
      pubkey: random.bytes(48),
      withdrawalCredentials: credentials,
      effectiveBalance: (!isUniform && random.below(4) === 0 ? random.below(2048) : 32) * 1e9,
      slashed: isSlashed,
      activationEligibilityEpoch: 0,
      activationEpoch: random.below(12) === 0 ? EPOCH - 3 + random.below(6) : 0,
      exitEpoch,
      withdrawableEpoch: exitEpoch === FAR_FUTURE_EPOCH ? FAR_FUTURE_EPOCH : EPOCH - 2 + random.below(60),
    });
    state.balances.push(32_000_000_000 + random.below(3_000_000_000) - random.below(1_000_000_000));
    state.previousEpochParticipation.push(random.below(8));
    state.currentEpochParticipation.push(random.below(8));
    state.inactivityScores.push(random.below(3) === 0 ? random.below(500) : 0);
    makeOdd(random, state, i, oddity);
  }
  state.slot = EPOCH * spec.preset.SLOTS_PER_EPOCH + spec.preset.SLOTS_PER_EPOCH - 1;
  const finalized = EPOCH - 2 - (random.below(2) === 0 ? 0 : 10);
  state.finalizedCheckpoint = { epoch: finalized, root: random.bytes(32) };
  return state;
}

function makeOdd(random: Random, state: BeaconState, i: number, oddity: Oddity): void {
  if (oddity === "plain" || random.below(60) !== 0) return;
  const { effectiveBalance } = state.validators;
  if (oddity === "low") state.balances.set(i, random.below(2_000_000));
  if (oddity === "odd") effectiveBalance.set(i, random.below(2 ** 31) * (1 + random.below(4000)));
  const big = BigInt(random.below(2 ** 31));
  if (oddity === "huge balances") state.balances.setBig(i, 2n ** 53n - 50n + big * 2n ** 20n);
  if (oddity === "huge effective") effectiveBalance.setBig(i, 2n ** 54n + big);
  // Times so small a balance, any of the scores stays within uint64; times a usual one, none does.
  if (oddity === "huge scores") effectiveBalance.set(i, random.below(200));
  if (oddity === "huge scores" || oddity === "overflowing") {
    state.inactivityScores.setBig(i, 2n ** BigInt(40 + random.below(14)) + 1n);
  }
}

const values = (column: U64Column) => Array.from({ length: column.length }, (_, i) => column.getBig(i));

function expectedScores(state: BeaconState): bigint[] {
  const scores = values(state.inactivityScores);
  const timely = getUnslashedParticipatingIndices(state, 1, getPreviousEpoch(state));
  const recovery = isInInactivityLeak(state) ? 0n : 16n;
  for (const i of getEligibleValidatorIndices(state)) {
    const score = scores[i]!;
    const moved = timely.has(i) ? (score > 0n ? score - 1n : 0n) : score + 4n;
    scores[i] = moved > recovery ? moved - recovery : 0n;
  }
  return scores;
}

function expectedBalances(state: BeaconState): bigint[] {
  const balances = values(state.balances);
  for (const deltas of [0, 1, 2]
    .map((flag) => getFlagIndexDeltas(state, flag))
    .concat(getInactivityPenaltyDeltas(state))) {
    for (let i = 0; i < balances.length; i++) {
      const raised = balances[i]! + BigInt(deltas.rewards[i]!);
      const penalty = BigInt(deltas.penalties[i]!);
      balances[i] = raised > penalty ? raised - penalty : 0n;
    }
  }
  return balances;
}

function expectedEffectiveBalances(state: BeaconState): bigint[] {
  return values(state.validators.effectiveBalance).map((effective, i) => {
    const balance = state.balances.getBig(i);
    if (balance + 250_000_000n >= effective && effective + 1_250_000_000n >= balance) return effective;
    const rounded = balance - (balance % 1_000_000_000n);
    const most = BigInt(getMaxEffectiveBalance(state, i));
    return rounded < most ? rounded : most;
  });
}

/** What the spec does with the same state: a value, or an overflow. */
function outcome<T>(compute: () => T): T | "overflow" {
  try {
    return compute();
  } catch (error) {
    if (error instanceof InvalidBlock) return "overflow";
    throw error;
  }
}

for (const oddity of ODDITIES) {
  test(`pages of doubles against uint64, ${oddity} values`, () => {
    let compared = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const random = seededRandom(SEED + round * 7919);
      const fork = (Fork.altair + random.below(6)) as Fork;
      const state = randomState(random, fork, oddity, round % 2 === 0);
      const where = `seed ${SEED}, round ${round}, fork ${fork}`;
      checkSums(state, where);
      const scores = expectedScores(state);
      processInactivityUpdates(state);
      assert.deepEqual(values(state.inactivityScores), scores, `scores, ${where}`);
      const balances = outcome(() => expectedBalances(state));
      const actual = outcome(() => {
        processRewardsAndPenalties(state);
        return values(state.balances);
      });
      assert.deepEqual(actual, balances, `balances, ${where}`);
      if (actual !== "overflow") compared++;
      const effective = expectedEffectiveBalances(state);
      processEffectiveBalanceUpdates(state);
      assert.deepEqual(values(state.validators.effectiveBalance), effective, `effective balances, ${where}`);
      state.drop();
    }
    if (oddity === "overflowing") assert.equal(compared, 0);
    else assert.equal(compared, ROUNDS, "no round overflows");
  });
}

function checkSums(state: BeaconState, where: string): void {
  const scan = new RegistryScan(state);
  for (const flag of [0, 1, 2]) {
    const members = getUnslashedParticipatingIndices(state, flag, getPreviousEpoch(state));
    assert.equal(scan.previousFlagBalance(flag), getTotalBalance(state, members), `flag ${flag}, ${where}`);
  }
  const members = getUnslashedParticipatingIndices(state, 1, getCurrentEpoch(state));
  assert.equal(scan.currentTargetBalance(), getTotalBalance(state, members), `current target, ${where}`);
  const active = getTotalActiveBalance(state);
  state.cache = new StateCache();
  assert.equal(getTotalActiveBalance(state), active, `active balance, ${where}`);
}
