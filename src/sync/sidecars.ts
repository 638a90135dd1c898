/**
 * Fetches the columns and blobs that blocks still lack, and checks them against their block.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/p2p-interface.md
 */
import { bytesEqual, toHex } from "../base/bytes.ts";
import { DecodeError, RequestFailed } from "../base/errors.ts";
import type { Chain } from "../chain/chain.ts";
import { cellsOf } from "../chain/column-verifier.ts";
import type { IncomingBlock } from "../chain/incoming-block.ts";
import type { CellBatch } from "../chain/kzg-cells.ts";
import { verifyBlobKzgProof, verifyCellKzgProofBatch } from "../crypto/kzg.ts";
import { verifyBlobSidecarInclusionProof } from "../spec/blobs.ts";
import type { BlobSidecar, DataColumnSidecar } from "../spec/containers.ts";
import { verifyDataColumnSidecar, verifyDataColumnSidecarInclusionProof } from "../spec/das.ts";
import { Fork } from "../spec/fork.ts";
import { forkTypes } from "../spec/fork-types.ts";
import type { ResponseChunk } from "../spec/requests.ts";
import { decodeSsz } from "../spec/ssz-decode.ts";
import type { PeerSource, SyncPeers } from "./peer-source.ts";

const MAX_ATTEMPTS = 4;
const TIMEOUT_MS = 30_000;

export type SidecarChain = Pick<Chain, "spec" | "availability">;

export interface SidecarParts {
  readonly chain: SidecarChain;
  readonly network: PeerSource;
  readonly peers: SyncPeers;
  readonly verifyCells?: VerifyCells;
}

/** Whether the proofs of all cells are right. */
export type VerifyCells = (batch: CellBatch) => Promise<boolean> | boolean;

/**
 * Asks peers by root for what the blocks lack, one peer after the other.
 * @param preferred asked first
 * @returns whether all is here now
 */
export async function fetchSidecars(
  parts: SidecarParts,
  blocks: readonly IncomingBlock[],
  preferred?: string,
): Promise<boolean> {
  const { chain, peers } = parts;
  const last = blocks.at(-1);
  if (last === undefined) return true;
  const others = peers.having(last.signedBlock.message.slot, new Set(preferred === undefined ? [] : [preferred]));
  for (const peer of [...(preferred === undefined ? [] : [preferred]), ...others].slice(0, MAX_ATTEMPTS)) {
    const lacking = blocks.filter((block) => chain.availability.missing(block).length > 0);
    if (lacking.length === 0) return true;
    await askPeer(parts, peer, lacking);
  }
  return blocks.every((block) => chain.availability.missing(block).length === 0);
}

async function askPeer(parts: SidecarParts, peer: string, lacking: readonly IncomingBlock[]): Promise<void> {
  const { network, peers } = parts;
  const byRoot = new Map(lacking.map((block) => [toHex(block.root), block]));
  const columns = lacking.filter(({ fork }) => fork >= Fork.fulu);
  const blobs = lacking.filter(({ fork }) => fork < Fork.fulu);
  try {
    if (columns.length > 0) await askColumns(parts, peer, columns, byRoot);
    if (blobs.length > 0) await askBlobs(parts, peer, blobs, byRoot);
  } catch (error) {
    peers.rest(peer);
    if (error instanceof DecodeError) network.reportPeer(peer, "high", error.message);
    else if (!(error instanceof RequestFailed)) throw error;
    else if (error.code === "MALFORMED") network.reportPeer(peer, "mid", error.message);
  }
}

async function askColumns(
  parts: SidecarParts,
  peer: string,
  blocks: readonly IncomingBlock[],
  byRoot: ReadonlyMap<string, IncomingBlock>,
): Promise<void> {
  const { chain, network } = parts;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const most = chain.spec.config.MAX_REQUEST_BLOCKS_DENEB;
  for (let at = 0; at < blocks.length; at += most) {
    const body = blocks.slice(at, at + most).map((block) => {
      return { blockRoot: block.root, columns: chain.availability.missing(block) };
    });
    let pending: { block: IncomingBlock; sidecars: DataColumnSidecar[] } | undefined;
    for await (const chunk of network.request(peer, "data_column_sidecars_by_root", body, { signal })) {
      const { block, sidecar } = readColumn(chain, chunk, byRoot);
      if (pending !== undefined && pending.block !== block) {
        await addColumns(parts, pending.block, pending.sidecars);
        pending = undefined;
      }
      pending ??= { block, sidecars: [] };
      pending.sidecars.push(sidecar);
    }
    if (pending !== undefined) await addColumns(parts, pending.block, pending.sidecars);
  }
}

/** Everything but the proofs. @throws DecodeError for what was not asked for or does not fit its block */
function readColumn(chain: SidecarChain, chunk: ResponseChunk, byRoot: ReadonlyMap<string, IncomingBlock>) {
  const type = forkTypes({ spec: chain.spec, fork: chunk.fork }).DataColumnSidecar;
  const sidecar = decodeSsz(type, chunk.bytes) as DataColumnSidecar;
  const block = blockOf(chain, sidecar, byRoot);
  const commitments = block.signedBlock.message.body.blobKzgCommitments;
  const isOfBlock =
    verifyDataColumnSidecar(chain.spec, sidecar) &&
    sidecar.kzgCommitments.length === commitments.length &&
    sidecar.kzgCommitments.every((commitment, i) => bytesEqual(commitment, commitments[i]!)) &&
    verifyDataColumnSidecarInclusionProof(chain.spec, sidecar);
  if (!isOfBlock) throw new DecodeError(`column ${sidecar.index} does not belong to its block`);
  return { block, sidecar };
}

/** Checks the proofs of a block's columns in one batch. */
async function addColumns(
  { chain, verifyCells = verifyHere }: SidecarParts,
  block: IncomingBlock,
  sidecars: readonly DataColumnSidecar[],
): Promise<void> {
  if (!(await verifyCells(cellsOf(sidecars)))) throw new DecodeError("columns with wrong proofs");
  await Promise.all(sidecars.map((sidecar) => chain.availability.addColumn(block.root, sidecar)));
}

function verifyHere({ commitments, indices, cells, proofs }: CellBatch): boolean {
  return verifyCellKzgProofBatch(commitments, indices, cells, proofs);
}

async function askBlobs(
  { chain, network }: SidecarParts,
  peer: string,
  blocks: readonly IncomingBlock[],
  byRoot: ReadonlyMap<string, IncomingBlock>,
): Promise<void> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const body = blocks.flatMap((block) => {
    return chain.availability.missing(block).map((index) => ({ blockRoot: block.root, index }));
  });
  const most = chain.spec.config.MAX_REQUEST_BLOCKS_DENEB * chain.spec.config.MAX_BLOBS_PER_BLOCK;
  for (let at = 0; at < body.length; at += most) {
    const part = body.slice(at, at + most);
    for await (const chunk of network.request(peer, "blob_sidecars_by_root", part, { signal })) {
      const type = forkTypes({ spec: chain.spec, fork: chunk.fork }).BlobSidecar;
      const sidecar = decodeSsz(type, chunk.bytes) as BlobSidecar;
      const block = blockOf(chain, sidecar, byRoot);
      const commitment = block.signedBlock.message.body.blobKzgCommitments[sidecar.index];
      const isOfBlock =
        commitment !== undefined &&
        bytesEqual(commitment, sidecar.kzgCommitment) &&
        verifyBlobSidecarInclusionProof(chain.spec, sidecar) &&
        verifyBlobKzgProof(sidecar.blob, sidecar.kzgCommitment, sidecar.kzgProof);
      if (!isOfBlock) throw new DecodeError(`blob ${sidecar.index} does not belong to its block`);
      await chain.availability.addBlob(block.root, sidecar);
    }
  }
}

function blockOf(
  { spec }: SidecarChain,
  sidecar: Pick<DataColumnSidecar, "signedBlockHeader">,
  byRoot: ReadonlyMap<string, IncomingBlock>,
): IncomingBlock {
  const { message, signature } = sidecar.signedBlockHeader;
  const block = byRoot.get(toHex(spec.types.phase0.BeaconBlockHeader.hashTreeRoot(message)));
  // The signature is not under the root: another one would be handed on to others with the sidecar.
  if (block === undefined || !bytesEqual(signature, block.signedBlock.signature)) {
    throw new DecodeError("a sidecar that was not asked for");
  }
  return block;
}
