/**
 * Transactions of the execution layer, signed and encoded: with a fee market (type 2) and with blobs (type 3).
 * @see https://eips.ethereum.org/EIPS/eip-4844 and https://eips.ethereum.org/EIPS/eip-7594 for the form with cell proofs
 */
import { concatBytes } from "../base/bytes.ts";
import { type DevAccount, keccak256, signHash } from "./execution-keys.ts";

export interface TransactionFields {
  readonly chainId: number;
  readonly nonce: number;
  /** Wei for each unit of gas. */
  readonly maxPriorityFeePerGas: bigint;
  readonly maxFeePerGas: bigint;
  readonly gasLimit: number;
  readonly to: Uint8Array;
  readonly value?: bigint;
  readonly data?: Uint8Array;
  /** Only with blobs. */
  readonly maxFeePerBlobGas?: bigint;
}

export interface TransactionBlobs {
  readonly blobs: readonly Uint8Array[];
  readonly commitments: readonly Uint8Array[];
  /** One a blob, or one a cell of each blob. */
  readonly proofs: readonly Uint8Array[];
  readonly versionedHashes: readonly Uint8Array[];
  readonly hasCellProofs: boolean;
}

export interface SignedTransaction {
  /** For eth_sendRawTransaction. */
  readonly encoded: Uint8Array;
  readonly hash: Uint8Array;
}

type RlpItem = Uint8Array | readonly RlpItem[];

const FEE_MARKET_TYPE = 0x02;
const BLOB_TYPE = 0x03;
/** Of the form that goes over the network, with cell proofs. */
const CELL_PROOF_VERSION = 0x01;

export function signTransaction(
  account: DevAccount,
  fields: TransactionFields,
  blobs?: TransactionBlobs,
): SignedTransaction {
  const type = Uint8Array.of(blobs ? BLOB_TYPE : FEE_MARKET_TYPE);
  const unsigned = transactionItems(fields, blobs);
  const { yParity, r, s } = signHash(account, keccak256(concatBytes(type, rlp(unsigned))));
  const signed = [...unsigned, rlpNumber(yParity), rlpNumber(r), rlpNumber(s)];
  const body = concatBytes(type, rlp(signed));
  return { hash: keccak256(body), encoded: blobs ? concatBytes(type, rlp(withBlobs(signed, blobs))) : body };
}

function transactionItems(fields: TransactionFields, blobs?: TransactionBlobs): RlpItem[] {
  const common: RlpItem[] = [
    rlpNumber(fields.chainId),
    rlpNumber(fields.nonce),
    rlpNumber(fields.maxPriorityFeePerGas),
    rlpNumber(fields.maxFeePerGas),
    rlpNumber(fields.gasLimit),
    fields.to,
    rlpNumber(fields.value ?? 0n),
    fields.data ?? new Uint8Array(),
    [],
  ];
  return blobs ? [...common, rlpNumber(fields.maxFeePerBlobGas ?? 1n), blobs.versionedHashes] : common;
}

function withBlobs(
  signed: readonly RlpItem[],
  { blobs, commitments, proofs, hasCellProofs }: TransactionBlobs,
): RlpItem {
  return hasCellProofs
    ? [signed, Uint8Array.of(CELL_PROOF_VERSION), blobs, commitments, proofs]
    : [signed, blobs, commitments, proofs];
}

/** Big-endian without leading zeros; zero is empty. */
export function rlpNumber(value: number | bigint): Uint8Array {
  if (BigInt(value) === 0n) return new Uint8Array();
  const digits = value.toString(16);
  return new Uint8Array(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex"));
}

/** Recursive length prefix, the execution layer's encoding of nested lists of byte strings. */
export function rlp(item: RlpItem): Uint8Array {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && item[0]! < 0x80) return item;
    return concatBytes(rlpPrefix(0x80, item.length), item);
  }
  const content = concatBytes(...item.map(rlp));
  return concatBytes(rlpPrefix(0xc0, content.length), content);
}

function rlpPrefix(base: number, length: number): Uint8Array {
  if (length < 56) return Uint8Array.of(base + length);
  const size = rlpNumber(length);
  return concatBytes(Uint8Array.of(base + 55 + size.length), size);
}
