/**
 * The interchange format of slashing protection, version 5.
 * @see https://eips.ethereum.org/EIPS/eip-3076
 */
import { fromHex, toHex } from "../base/bytes.ts";
import { DecodeError } from "../base/errors.ts";
import { NO_MARKS, type SlashingMarks, withAttestation, withBlock } from "./slashing-marks.ts";

const VERSION = "5";
export const MAX_INTERCHANGE_BYTES = 512 * 2 ** 20;

export interface Interchange {
  readonly genesisValidatorsRoot: Uint8Array;
  readonly keys: readonly { readonly pubkey: Uint8Array; readonly marks: SlashingMarks }[];
}

/** Reads a file's text down to what is kept of each key; a key that comes twice is one. @throws DecodeError */
export function parseInterchange(text: string): Interchange {
  const file = record(parseJson(text), "");
  const metadata = record(file.metadata, "metadata");
  const version = metadata.interchange_format_version;
  if (version !== VERSION) throw new DecodeError(`version ${String(version)}, not ${VERSION}`, "metadata");
  const genesisValidatorsRoot = hex(metadata.genesis_validators_root, 32, "metadata.genesis_validators_root");
  const keys = new Map<string, { pubkey: Uint8Array; marks: SlashingMarks }>();
  for (const [i, item] of list(file.data, "data").entries()) {
    const path = `data[${i}]`;
    const entry = record(item, path);
    const pubkey = hex(entry.pubkey, 48, `${path}.pubkey`);
    const before = keys.get(toHex(pubkey))?.marks ?? NO_MARKS;
    keys.set(toHex(pubkey), { pubkey, marks: withEntry(before, entry, path) });
  }
  return { genesisValidatorsRoot, keys: [...keys.values()] };
}

/** What is known of a key from two sources. */
export function mergeMarks(a: SlashingMarks, b: SlashingMarks): SlashingMarks {
  const merged = b.blockSlot < 0 ? a : withBlock(a, b.blockSlot, b.blockRoot);
  return b.targetEpoch < 0 ? merged : withAttestation(merged, b.sourceEpoch, b.targetEpoch, b.attestationRoot);
}

/** A file's text with, for every key, its highest signatures. */
export function formatInterchange({ genesisValidatorsRoot, keys }: Interchange): string {
  const metadata = {
    interchange_format_version: VERSION,
    genesis_validators_root: toHex(genesisValidatorsRoot),
  };
  const data = keys.map(({ pubkey, marks }) => ({
    pubkey: toHex(pubkey),
    signed_blocks: marks.blockSlot < 0 ? [] : [{ slot: String(marks.blockSlot), ...signingRoot(marks.blockRoot) }],
    signed_attestations:
      marks.targetEpoch < 0
        ? []
        : [
            {
              source_epoch: String(marks.sourceEpoch),
              target_epoch: String(marks.targetEpoch),
              ...signingRoot(marks.attestationRoot),
            },
          ],
  }));
  return `${JSON.stringify({ metadata, data }, null, 2)}\n`;
}

function signingRoot(root: Uint8Array | undefined): { signing_root?: string } {
  return root ? { signing_root: toHex(root) } : {};
}

function withEntry(marks: SlashingMarks, entry: Record<string, unknown>, path: string): SlashingMarks {
  let next = marks;
  for (const [i, item] of list(entry.signed_blocks, `${path}.signed_blocks`).entries()) {
    const at = `${path}.signed_blocks[${i}]`;
    const block = record(item, at);
    next = withBlock(next, uint(block.slot, `${at}.slot`), optionalRoot(block.signing_root, at));
  }
  for (const [i, item] of list(entry.signed_attestations, `${path}.signed_attestations`).entries()) {
    const at = `${path}.signed_attestations[${i}]`;
    const attestation = record(item, at);
    const source = uint(attestation.source_epoch, `${at}.source_epoch`);
    const target = uint(attestation.target_epoch, `${at}.target_epoch`);
    next = withAttestation(next, source, target, optionalRoot(attestation.signing_root, at));
  }
  return next;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DecodeError(`not JSON: ${(error as Error).message}`, "", -1, { cause: error });
  }
}

function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new DecodeError("not an object", path);
  return value as Record<string, unknown>;
}

function list(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw new DecodeError("not a list", path);
  return value;
}

function hex(value: unknown, length: number, path: string): Uint8Array {
  if (typeof value !== "string" || value.length !== 2 + 2 * length || !/^0x[0-9a-fA-F]*$/.test(value)) {
    throw new DecodeError(`not ${length} bytes in hexadecimal`, path);
  }
  return fromHex(value);
}

function optionalRoot(value: unknown, path: string): Uint8Array | undefined {
  return value === undefined || value === null ? undefined : hex(value, 32, `${path}.signing_root`);
}

function uint(value: unknown, path: string): number {
  const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  // One more must be exact as well.
  if (!(number < Number.MAX_SAFE_INTEGER)) throw new DecodeError("not a slot or epoch in decimal digits", path);
  return number;
}
