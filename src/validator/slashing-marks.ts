/**
 * What must be remembered of a key's signatures, and the rules for the next one. Only the highest slot and epochs are
 * kept: whatever is at or below them is refused, which is stricter than the history would demand, and never less.
 * @see https://eips.ethereum.org/EIPS/eip-3076
 */
import { bytesEqual } from "../base/bytes.ts";

export interface SlashingMarks {
  /** The highest slot of a signed block; -1 for none. */
  readonly blockSlot: number;
  /** The signing root of the only block known at that slot. */
  readonly blockRoot?: Uint8Array | undefined;
  /** The highest source and target of signed attestations; -1 for none. */
  readonly sourceEpoch: number;
  readonly targetEpoch: number;
  /** The signing root of the attestation with just these epochs, if it is the only one known with that target. */
  readonly attestationRoot?: Uint8Array | undefined;
}

export const NO_MARKS: SlashingMarks = Object.freeze({ blockSlot: -1, sourceEpoch: -1, targetEpoch: -1 });

export const SLASHING_REFUSALS = [
  "BLOCK_NOT_ABOVE_HIGHEST",
  "SOURCE_AFTER_TARGET",
  "SOURCE_BELOW_HIGHEST",
  "TARGET_NOT_ABOVE_HIGHEST",
] as const;
export type SlashingRefusal = (typeof SLASHING_REFUSALS)[number];

/** `"repeat"`: the very same message was signed before, so that signing it again adds nothing to what is known. */
export type SlashingVerdict = "new" | "repeat" | SlashingRefusal;

export function judgeBlock(marks: SlashingMarks, slot: number, signingRoot: Uint8Array): SlashingVerdict {
  if (slot > marks.blockSlot) return "new";
  if (slot === marks.blockSlot && isSame(marks.blockRoot, signingRoot)) return "repeat";
  return "BLOCK_NOT_ABOVE_HIGHEST";
}

export function judgeAttestation(
  marks: SlashingMarks,
  sourceEpoch: number,
  targetEpoch: number,
  signingRoot: Uint8Array,
): SlashingVerdict {
  if (sourceEpoch > targetEpoch) return "SOURCE_AFTER_TARGET";
  if (isAttestation(marks, sourceEpoch, targetEpoch) && isSame(marks.attestationRoot, signingRoot)) return "repeat";
  if (targetEpoch <= marks.targetEpoch) return "TARGET_NOT_ABOVE_HIGHEST";
  if (sourceEpoch < marks.sourceEpoch) return "SOURCE_BELOW_HIGHEST";
  return "new";
}

export function withBlock(marks: SlashingMarks, slot: number, root?: Uint8Array): SlashingMarks {
  if (slot < marks.blockSlot) return marks;
  const isOther = slot === marks.blockSlot && !isSame(marks.blockRoot, root);
  return { ...marks, blockSlot: slot, blockRoot: isOther ? undefined : root };
}

export function withAttestation(
  marks: SlashingMarks,
  sourceEpoch: number,
  targetEpoch: number,
  root?: Uint8Array,
): SlashingMarks {
  const highestSource = Math.max(marks.sourceEpoch, sourceEpoch);
  const highestTarget = Math.max(marks.targetEpoch, targetEpoch);
  const next = { ...marks, sourceEpoch: highestSource, targetEpoch: highestTarget };
  if (targetEpoch === marks.targetEpoch) {
    const isRepeat = isAttestation(marks, sourceEpoch, targetEpoch) && isSame(marks.attestationRoot, root);
    return { ...next, attestationRoot: isRepeat ? root : undefined };
  }
  // A root stands for the pair of epochs kept; where they are of two attestations, it would stand for neither.
  if (targetEpoch > marks.targetEpoch)
    return { ...next, attestationRoot: highestSource === sourceEpoch ? root : undefined };
  return { ...next, attestationRoot: highestSource === marks.sourceEpoch ? marks.attestationRoot : undefined };
}

function isAttestation(marks: SlashingMarks, sourceEpoch: number, targetEpoch: number): boolean {
  return marks.sourceEpoch === sourceEpoch && marks.targetEpoch === targetEpoch;
}

function isSame(known: Uint8Array | undefined, root: Uint8Array | undefined): boolean {
  return known !== undefined && root !== undefined && bytesEqual(known, root);
}
