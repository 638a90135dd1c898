/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md
 */
import { ZERO_PAGE } from "../../columns/arena.ts";
import { getCurrentEpoch } from "../accessors.ts";
import { GENESIS_EPOCH } from "../constants.ts";
import { uint64 } from "../misc.ts";
import { isInInactivityLeak } from "../rewards.ts";
import type { BeaconState } from "../state.ts";
import { ELIGIBLE, RegistryScan, TIMELY_TARGET } from "./registry-scan.ts";

/** Scores below this stay exact as doubles, the bias added. */
const HUGE = 2 ** 52;

/**
 * Raises the scores of validators that missed the target, lowers the others'.
 * @spec process_inactivity_updates (altair)
 * @param state mutated: inactivity scores; a page of zeros is not looked at outside a leak
 */
export function processInactivityUpdates(state: BeaconState, scan = new RegistryScan(state)): void {
  // Scores follow the participation of the previous epoch.
  if (getCurrentEpoch(state) === GENESIS_EPOCH) return;
  const { codes } = scan.run();
  const { INACTIVITY_SCORE_BIAS, INACTIVITY_SCORE_RECOVERY_RATE } = state.spec.config;
  const recovery = isInInactivityLeak(state) ? 0 : INACTIVITY_SCORE_RECOVERY_RATE;
  const staysZero = INACTIVITY_SCORE_BIAS <= recovery;
  const column = state.inactivityScores;
  const page = new Float64Array(column.itemsPerPage);
  for (let p = 0; p < column.pageCount; p++) {
    if (staysZero && column.pageId(p) === ZERO_PAGE) continue;
    const count = column.readPage(p, page);
    const first = p * column.itemsPerPage;
    if (updatePage(page, count, codes, first, INACTIVITY_SCORE_BIAS, recovery)) column.writePage(p, page, count);
    else for (let i = first; i < first + count; i++) updateExactly(state, i, codes[i]!, recovery);
  }
}

/** False when a score is too large for doubles. */
function updatePage(
  scores: Float64Array,
  count: number,
  codes: Uint16Array,
  first: number,
  bias: number,
  recovery: number,
): boolean {
  for (let k = 0; k < count; k++) {
    const code = codes[first + k]!;
    let score = scores[k]!;
    if (!(score < HUGE)) return false;
    if ((code & ELIGIBLE) === 0) continue;
    if ((code & TIMELY_TARGET) === 0) score += bias;
    else if (score > 0) score--;
    scores[k] = score > recovery ? score - recovery : 0;
  }
  return true;
}

function updateExactly(state: BeaconState, index: number, code: number, recovery: number): void {
  if ((code & ELIGIBLE) === 0) return;
  let score = state.inactivityScores.getBig(index);
  if ((code & TIMELY_TARGET) === 0) score = uint64(score + BigInt(state.spec.config.INACTIVITY_SCORE_BIAS));
  else if (score > 0n) score--;
  score -= BigInt(recovery);
  state.inactivityScores.setBig(index, score > 0n ? score : 0n);
}
