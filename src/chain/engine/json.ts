/**
 * Execution payloads as the Engine API writes them. Names are the same as ours; numbers are hexadecimal quantities.
 * @see https://github.com/ethereum/execution-apis/blob/main/src/engine/osaka.md
 */
import { toHex } from "../../base/bytes.ts";
import type { ChainSpec } from "../../spec/chain-spec.ts";
import type { ExecutionPayload, Withdrawal } from "../../spec/containers.ts";
import { Fork } from "../../spec/fork.ts";
import type { ForkchoiceState, PayloadAttributes } from "./port.ts";
import {
  type Json,
  MAX_UINT64,
  MAX_UINT256,
  readArray,
  readByteList,
  readBytes,
  readObject,
  readQuantity,
} from "./read.ts";

type FieldKind = "bytes" | "uint64" | "uint256" | "transactions" | "withdrawals";

interface PayloadField {
  readonly name: keyof ExecutionPayload;
  readonly kind: FieldKind;
  /** Bytes: exactly so many; undefined: up to MAX_EXTRA_DATA_BYTES. */
  readonly length?: number;
  readonly from: Fork;
}

const { bellatrix, capella, deneb } = Fork;

const PAYLOAD_FIELDS: readonly PayloadField[] = [
  { name: "parentHash", kind: "bytes", length: 32, from: bellatrix },
  { name: "feeRecipient", kind: "bytes", length: 20, from: bellatrix },
  { name: "stateRoot", kind: "bytes", length: 32, from: bellatrix },
  { name: "receiptsRoot", kind: "bytes", length: 32, from: bellatrix },
  { name: "logsBloom", kind: "bytes", length: 256, from: bellatrix },
  { name: "prevRandao", kind: "bytes", length: 32, from: bellatrix },
  { name: "blockNumber", kind: "uint64", from: bellatrix },
  { name: "gasLimit", kind: "uint64", from: bellatrix },
  { name: "gasUsed", kind: "uint64", from: bellatrix },
  { name: "timestamp", kind: "uint64", from: bellatrix },
  { name: "extraData", kind: "bytes", from: bellatrix },
  { name: "baseFeePerGas", kind: "uint256", from: bellatrix },
  { name: "blockHash", kind: "bytes", length: 32, from: bellatrix },
  { name: "transactions", kind: "transactions", from: bellatrix },
  { name: "withdrawals", kind: "withdrawals", from: capella },
  { name: "blobGasUsed", kind: "uint64", from: deneb },
  { name: "excessBlobGas", kind: "uint64", from: deneb },
];

/** Infinity stands for 2^64-1, as everywhere in the spec's values. */
export function quantity(value: number | bigint): string {
  if (value === Number.POSITIVE_INFINITY) return quantity(MAX_UINT64);
  return `0x${value.toString(16)}`;
}

export function payloadToJson(fork: Fork, payload: ExecutionPayload): Record<string, Json> {
  const json: Record<string, Json> = {};
  for (const { name, from } of PAYLOAD_FIELDS) if (fork >= from) json[name] = fieldToJson(payload[name]);
  return json;
}

function fieldToJson(value: ExecutionPayload[keyof ExecutionPayload]): Json {
  if (value instanceof Uint8Array) return toHex(value);
  if (!Array.isArray(value)) return quantity(value as bigint);
  return (value as (Uint8Array | Withdrawal)[]).map((item) =>
    item instanceof Uint8Array ? toHex(item) : withdrawalToJson(item),
  );
}

function withdrawalToJson({ index, validatorIndex, address, amount }: Withdrawal): Json {
  return {
    index: quantity(index),
    validatorIndex: quantity(validatorIndex),
    address: toHex(address),
    amount: quantity(amount),
  };
}

/** Checks lengths, ranges and counts by the preset; fields of later forks are ignored. @throws DecodeError */
export function payloadFromJson(spec: ChainSpec, fork: Fork, value: Json, path = "executionPayload"): ExecutionPayload {
  const json = readObject(value, path);
  const payload: Record<string, unknown> = {};
  for (const field of PAYLOAD_FIELDS) {
    if (fork >= field.from) payload[field.name] = readField(spec, field, json[field.name], `${path}.${field.name}`);
  }
  return payload as unknown as ExecutionPayload;
}

function readField({ preset }: ChainSpec, { kind, length }: PayloadField, value: Json, path: string): unknown {
  switch (kind) {
    case "bytes":
      if (length === undefined) return readByteList(value, path, preset.MAX_EXTRA_DATA_BYTES);
      return readBytes(value, path, length);
    case "uint64":
      return readQuantity(value, path);
    case "uint256":
      return readQuantity(value, path, MAX_UINT256);
    case "transactions":
      return readArray(value, path, preset.MAX_TRANSACTIONS_PER_PAYLOAD, (item, itemPath) =>
        readByteList(item, itemPath, preset.MAX_BYTES_PER_TRANSACTION),
      );
    case "withdrawals":
      return readArray(value, path, preset.MAX_WITHDRAWALS_PER_PAYLOAD, withdrawalFromJson);
    default:
      return kind satisfies never;
  }
}

function withdrawalFromJson(value: Json, path: string): Withdrawal {
  const json = readObject(value, path);
  const max = BigInt(Number.MAX_SAFE_INTEGER);
  return {
    index: Number(readQuantity(json.index, `${path}.index`, max)),
    validatorIndex: Number(readQuantity(json.validatorIndex, `${path}.validatorIndex`, max)),
    address: readBytes(json.address, `${path}.address`, 20),
    amount: readQuantity(json.amount, `${path}.amount`),
  };
}

export function forkchoiceStateToJson(state: ForkchoiceState): Json {
  return {
    headBlockHash: toHex(state.headBlockHash),
    safeBlockHash: toHex(state.safeBlockHash),
    finalizedBlockHash: toHex(state.finalizedBlockHash),
  };
}

/** PayloadAttributes V1 to V3, by the fork of the payload to build. */
export function attributesToJson(fork: Fork, attributes: PayloadAttributes): Json {
  const json: Record<string, Json> = {
    timestamp: quantity(attributes.timestamp),
    prevRandao: toHex(attributes.prevRandao),
    suggestedFeeRecipient: toHex(attributes.suggestedFeeRecipient),
  };
  if (fork >= Fork.capella) json.withdrawals = required(attributes.withdrawals, "withdrawals").map(withdrawalToJson);
  if (fork >= Fork.deneb) {
    json.parentBeaconBlockRoot = toHex(required(attributes.parentBeaconBlockRoot, "parentBeaconBlockRoot"));
  }
  return json;
}

/** A caller that leaves a fork's field out is wrong, not the world. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new TypeError(`${name} is missing for this fork`);
  return value;
}
