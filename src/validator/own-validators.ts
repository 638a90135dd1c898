/** The validators whose keys are here: what the chain says of them, and what they did last. */
import { toHex } from "../base/bytes.ts";
import { gauge } from "../base/metrics.ts";
import type { BeaconApi, ValidatorStatus } from "./beacon-api.ts";

/** Keys a request: a bound on its size. */
const KEYS_PER_REQUEST = 500;

const countGauge = gauge("cresset_validator_count", "Validators with a key here, by what the chain says of them", {
  labels: ["status"],
});

export interface DutyCounts {
  done: number;
  missed: number;
}

/** What a status page shows of one validator. Slots are -1 before the first. */
export interface ValidatorActivity {
  lastAttestedSlot: number;
  lastAttestationDelayMs: number;
  lastMissedAttestationSlot: number;
  lastAggregatedSlot: number;
  lastProposedSlot: number;
  lastMissedProposalSlot: number;
  lastSyncMessageSlot: number;
  lastError: string;
}

export interface OwnValidator {
  readonly pubkey: Uint8Array;
  readonly activity: ValidatorActivity;
  /** Undefined until the chain has the key. */
  index: number | undefined;
  status: ValidatorStatus | "unknown";
  balanceGwei: number;
}

export class OwnValidators {
  readonly all: readonly OwnValidator[];
  readonly #byPubkey = new Map<string, OwnValidator>();
  readonly #byIndex = new Map<number, OwnValidator>();

  constructor(pubkeys: readonly Uint8Array[]) {
    this.all = pubkeys.map((pubkey) => ({
      pubkey,
      index: undefined,
      status: "unknown",
      balanceGwei: 0,
      activity: {
        lastAttestedSlot: -1,
        lastAttestationDelayMs: 0,
        lastMissedAttestationSlot: -1,
        lastAggregatedSlot: -1,
        lastProposedSlot: -1,
        lastMissedProposalSlot: -1,
        lastSyncMessageSlot: -1,
        lastError: "",
      },
    }));
    for (const validator of this.all) this.#byPubkey.set(toHex(validator.pubkey), validator);
  }

  /** A validator by its key and index together: a node that mixes them up gets nothing signed. */
  find(pubkey: Uint8Array, index: number): OwnValidator | undefined {
    const validator = this.#byIndex.get(index);
    return validator && toHex(validator.pubkey) === toHex(pubkey) ? validator : undefined;
  }

  /** Those that may have duties now or soon. */
  dutyIndices(): number[] {
    return [...this.#byIndex.values()].filter(mayHaveDuties).map(({ index }) => index!);
  }

  /** @returns whether somebody has got duties who had none, or the reverse */
  async refresh(api: BeaconApi): Promise<boolean> {
    const before = this.dutyIndices().join();
    for (let from = 0; from < this.all.length; from += KEYS_PER_REQUEST) {
      const keys = this.all.slice(from, from + KEYS_PER_REQUEST).map(({ pubkey }) => pubkey);
      for (const info of await api.getValidators(keys)) {
        const validator = this.#byPubkey.get(toHex(info.pubkey));
        if (!validator) continue;
        validator.index = info.index;
        validator.status = info.status;
        validator.balanceGwei = info.balanceGwei;
        this.#byIndex.set(info.index, validator);
      }
    }
    this.#count();
    return this.dutyIndices().join() !== before;
  }

  #count(): void {
    countGauge.reset();
    for (const { status } of this.all) countGauge.inc({ status });
  }
}

function mayHaveDuties({ status }: OwnValidator): boolean {
  return status.startsWith("active") ? status !== "active_slashed" : status.startsWith("pending");
}
