/** Whether a node follows the chain that the keys are meant for. */
import { toHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";

const NEVER = "18446744073709551615";
const CHECKED_CONFIG = [
  "SLOT_DURATION_MS",
  "GENESIS_FORK_VERSION",
  "ALTAIR_FORK_VERSION",
  "ALTAIR_FORK_EPOCH",
  "BELLATRIX_FORK_VERSION",
  "BELLATRIX_FORK_EPOCH",
  "CAPELLA_FORK_VERSION",
  "CAPELLA_FORK_EPOCH",
  "DENEB_FORK_VERSION",
  "DENEB_FORK_EPOCH",
  "ELECTRA_FORK_VERSION",
  "ELECTRA_FORK_EPOCH",
  "FULU_FORK_VERSION",
  "FULU_FORK_EPOCH",
] as const;

/**
 * Compares what decides over signatures; what a node does not tell is not compared.
 * @throws UsageError that names every difference
 */
export function checkNodeSpec(spec: ChainSpec, answer: Readonly<Record<string, unknown>>): void {
  const differences: string[] = [];
  const compare = (name: string, ours: unknown): void => {
    const theirs = answer[name];
    if (theirs === undefined || text(theirs) === text(ours)) return;
    differences.push(`${name} is ${text(theirs)} there and ${text(ours)} here`);
  };
  for (const name of CHECKED_CONFIG) compare(name, spec.config[name]);
  compare("SLOTS_PER_EPOCH", spec.preset.SLOTS_PER_EPOCH);
  compare("SYNC_COMMITTEE_SIZE", spec.preset.SYNC_COMMITTEE_SIZE);
  if (differences.length > 0) throw new UsageError(`the beacon node is on another network: ${differences.join("; ")}`);
}

function text(value: unknown): string {
  if (value === Number.POSITIVE_INFINITY) return NEVER;
  if (value instanceof Uint8Array) return toHex(value);
  return String(value).toLowerCase();
}
