/**
 * Loaded into the process of ethereumjs before its own code. Version 0.10.5 takes a blob transaction and then answers
 * with an error, because its cache of blobs asks a configuration that lacks their size for its limit; and so nothing
 * ever leaves that cache.
 */
import { TxPool } from "@ethereumjs/client/dist/esm/src/service/txpool.js";

const MAX_CACHED_BLOBS = 128;

interface BlobCache {
  readonly blobsAndProofsByHash: Map<string, unknown>;
}

/** Drops the oldest. */
function pruneBlobsAndProofsCache(this: BlobCache): void {
  for (const hash of this.blobsAndProofsByHash.keys()) {
    if (this.blobsAndProofsByHash.size <= MAX_CACHED_BLOBS) return;
    this.blobsAndProofsByHash.delete(hash);
  }
}

Object.assign(TxPool.prototype, { pruneBlobsAndProofsCache });
