/** How many objects a peer may take from us: a bucket a peer and protocol that fills up with time. */
import { BoundedMap } from "../base/bounded.ts";
import type { ProtocolName } from "./protocols.ts";

export interface Rate {
  /** Tokens that can be saved up. */
  readonly capacity: number;
  readonly perSecond: number;
}

const SMALL: Rate = { capacity: 8, perSecond: 1 };
const BLOCKS: Rate = { capacity: 1024, perSecond: 128 };
const SIDECARS: Rate = { capacity: 2048, perSecond: 512 };

/** A token is one object; small protocols count requests. */
export const SERVE_RATES: Readonly<Record<ProtocolName, Rate>> = Object.freeze({
  status: SMALL,
  goodbye: SMALL,
  ping: SMALL,
  metadata: SMALL,
  beacon_blocks_by_range: BLOCKS,
  beacon_blocks_by_root: BLOCKS,
  blob_sidecars_by_range: SIDECARS,
  blob_sidecars_by_root: SIDECARS,
  // A column is up to a hundred times smaller than the blobs that it is part of.
  data_column_sidecars_by_range: { capacity: 16_384, perSecond: 2048 },
  data_column_sidecars_by_root: { capacity: 16_384, perSecond: 2048 },
  light_client_bootstrap: SMALL,
  light_client_updates_by_range: { capacity: 128, perSecond: 16 },
  light_client_finality_update: SMALL,
  light_client_optimistic_update: SMALL,
});

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export class TokenBuckets {
  readonly #buckets: BoundedMap<string, Bucket>;
  readonly #nowMs: () => number;

  /** @param parts.limit how many buckets are kept; a forgotten one is full again */
  constructor(parts: { limit: number; nowMs?: () => number }) {
    this.#buckets = new BoundedMap({ limit: parts.limit, sizeOf: () => 32 });
    this.#nowMs = parts.nowMs ?? (() => performance.now());
  }

  get bytes(): number {
    return this.#buckets.bytes;
  }

  /** Takes tokens, in debt if need be. @returns how long to wait before they may be used */
  take(key: string, rate: Rate, count: number): number {
    const nowMs = this.#nowMs();
    const bucket = this.#buckets.get(key) ?? { tokens: rate.capacity, filledAtMs: nowMs };
    const filled = bucket.tokens + ((nowMs - bucket.filledAtMs) * rate.perSecond) / 1000;
    bucket.tokens = Math.min(rate.capacity, filled) - count;
    bucket.filledAtMs = nowMs;
    this.#buckets.set(key, bucket);
    return bucket.tokens >= 0 ? 0 : (-bucket.tokens * 1000) / rate.perSecond;
  }
}
