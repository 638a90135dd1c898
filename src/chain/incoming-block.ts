/** A block as it travels through the node: decoded once, hashed once. */

import { DecodeError } from "../base/errors.ts";
import { compressFrames, uncompressFrames } from "../base/snappy.ts";
import type { StoredRecord } from "../db/record.ts";
import { RECORD_KINDS } from "../db/record.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import type { SignedBeaconBlock } from "../spec/containers.ts";
import type { Fork } from "../spec/fork.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import { decodeSsz } from "../spec/ssz-decode.ts";

export type BlockSource = "gossip" | "range" | "by-root" | "api" | "replay" | "own";

export interface IncomingBlock {
  readonly signedBlock: SignedBeaconBlock;
  /** hash_tree_root of the message. */
  readonly root: Uint8Array;
  /** SSZ of the signed block. */
  readonly bytes: Uint8Array;
  readonly fork: Fork;
  readonly source: BlockSource;
  readonly seenAtMs: number;
}

/** Of a signed block: an offset of 4 bytes, then the signature, then the message, which starts with its slot. */
const MESSAGE_OFFSET = 100;

/** The slot of a signed block in SSZ. @throws DecodeError when it is too short to have one */
export function slotOfBlock(bytes: Uint8Array): number {
  if (bytes.length < MESSAGE_OFFSET + 8) throw new DecodeError(`a block of ${bytes.length} bytes`, "", bytes.length);
  const slot = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(MESSAGE_OFFSET, true);
  if (slot > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError(`slot ${slot}`, "message.slot", MESSAGE_OFFSET);
  return Number(slot);
}

/** @throws DecodeError */
export function decodeIncomingBlock(
  spec: ChainSpec,
  bytes: Uint8Array,
  from: { source: BlockSource; seenAtMs: number },
): IncomingBlock {
  const fork = forkAtEpoch(spec.config, computeEpochAtSlot(spec, slotOfBlock(bytes)));
  const types = forkTypes({ spec, fork });
  const signedBlock = decodeSsz(types.SignedBeaconBlock, bytes) as SignedBeaconBlock;
  return { signedBlock, root: types.BeaconBlock.hashTreeRoot(signedBlock.message), bytes, fork, ...from };
}

/** A block that is at hand as a value. */
export function toIncomingBlock(
  spec: ChainSpec,
  signedBlock: SignedBeaconBlock,
  from: { source: BlockSource; seenAtMs: number },
): IncomingBlock {
  const fork = forkAtEpoch(spec.config, computeEpochAtSlot(spec, signedBlock.message.slot));
  const types = forkTypes({ spec, fork });
  const bytes = types.SignedBeaconBlock.serialize(signedBlock);
  return { signedBlock, root: types.BeaconBlock.hashTreeRoot(signedBlock.message), bytes, fork, ...from };
}

/** As the database keeps it: in the frames that peers are sent. */
export function toBlockRecord({ signedBlock, root, bytes, fork }: IncomingBlock): StoredRecord {
  const frames = compressFrames(bytes);
  return { slot: signedBlock.message.slot, root, index: 0, fork, sszLength: bytes.length, frames };
}

/** SSZ of a stored record. */
export function recordBytes(record: StoredRecord): Uint8Array {
  return uncompressFrames(record.frames, Math.min(record.sszLength, RECORD_KINDS.block.maxBytes));
}
