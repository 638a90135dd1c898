/**
 * Chains of well-known keys, for test networks, simulations and benchmarks.
 * @see https://github.com/ethereum/eth2.0-pm/blob/master/interop/mocked_start/README.md
 */
import { SecretKey } from "../crypto/bls.ts";
import { sha256 } from "../crypto/sha256.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { BLS_WITHDRAWAL_PREFIX, GENESIS_EPOCH } from "./constants.ts";
import { emptyGenesisState, finishGenesisState, type GenesisOptions } from "./genesis.ts";
import { addValidatorToRegistry } from "./mutators.ts";
import type { BeaconState } from "./state.ts";

const CURVE_ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
const INTEROP_BLOCK_HASH = new Uint8Array(32).fill(0x42);

export interface InteropGenesisOptions extends GenesisOptions {
  validatorCount: number;
  /** Seconds since the Unix epoch. */
  genesisTime: number;
  eth1BlockHash?: Uint8Array;
  /** Each validator's; what activates by default. */
  balanceGwei?: number;
  /** From an index and its public key; of the BLS kind by default. */
  withdrawalCredentials?: (index: number, pubkey: Uint8Array) => Uint8Array;
  /** Public keys 0 .. validatorCount - 1, 48 bytes each, where they are at hand: deriving one takes 0.1 ms. */
  pubkeys?: readonly Uint8Array[];
}

/** The secret key of an index: the hash of its 32 bytes, little-endian, modulo the curve's order; 32 bytes, big-endian. */
export function interopSecretKeyBytes(index: number): Uint8Array {
  const input = Buffer.alloc(32);
  input.writeUInt32LE(index);
  const digest = Buffer.from(sha256(input)).reverse();
  const key = BigInt(`0x${digest.toString("hex")}`) % CURVE_ORDER;
  return Uint8Array.from(Buffer.from(key.toString(16).padStart(64, "0"), "hex"));
}

export function interopSecretKey(index: number): SecretKey {
  return SecretKey.fromBytes(interopSecretKeyBytes(index));
}

export function interopPublicKey(index: number): Uint8Array {
  const key = interopSecretKey(index);
  const pubkey = key.toPublicKey();
  key.destroy();
  return pubkey;
}

/**
 * A genesis state of interop validators, all active; there are no deposits behind them.
 * @cost 0.1 ms a validator for its key
 */
export function initializeInteropState(spec: ChainSpec, options: InteropGenesisOptions): BeaconState {
  const { validatorCount, eth1BlockHash = INTEROP_BLOCK_HASH } = options;
  const state = emptyGenesisState(spec, eth1BlockHash, BigInt(validatorCount), options);
  state.genesisTime = options.genesisTime;
  state.eth1DepositIndex = validatorCount;
  const credentialsOf = options.withdrawalCredentials ?? blsCredentials;
  const balance = BigInt(options.balanceGwei ?? spec.preset.MIN_ACTIVATION_BALANCE);
  for (let i = 0; i < validatorCount; i++) {
    const pubkey = options.pubkeys?.[i] ?? interopPublicKey(i);
    addValidatorToRegistry(state, pubkey, credentialsOf(i, pubkey), balance);
  }
  activateAll(state);
  return finishGenesisState(state, options);
}

function activateAll(state: BeaconState): void {
  const { activationEpoch, activationEligibilityEpoch } = state.validators;
  for (let i = 0; i < state.validators.length; i++) {
    activationEligibilityEpoch.set(i, GENESIS_EPOCH);
    activationEpoch.set(i, GENESIS_EPOCH);
  }
}

function blsCredentials(_index: number, pubkey: Uint8Array): Uint8Array {
  const credentials = sha256(pubkey).slice();
  credentials[0] = BLS_WITHDRAWAL_PREFIX;
  return credentials;
}
