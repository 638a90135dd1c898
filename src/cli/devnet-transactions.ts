/**
 * Work for a test network: transfers, blobs, deposits, and the requests that execution addresses make of validators.
 */
import { concatBytes, fromHex, toHex } from "../base/bytes.ts";
import { BYTES_PER_BLOB, blobToKzgCommitment, computeBlobKzgProof, computeCellsAndKzgProofs } from "../crypto/kzg.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { DepositData } from "../spec/containers.ts";
import { kzgCommitmentToVersionedHash } from "../spec/misc.ts";
import { CONSOLIDATION_REQUESTS_ADDRESS, WITHDRAWAL_REQUESTS_ADDRESS } from "./execution-contracts.ts";
import type { DevAccount } from "./execution-keys.ts";
import { callExecution } from "./execution-rpc.ts";
import { signTransaction, type TransactionBlobs, type TransactionFields } from "./execution-transaction.ts";

const GWEI = 10n ** 9n;
const TRANSFER_GAS = 21_000;
const CONTRACT_GAS = 400_000;
/** deposit(bytes,bytes,bytes,bytes32) */
const DEPOSIT_SELECTOR = "0x22895118";
const WORD = 32;

export interface DevnetTransactionsOptions {
  readonly spec: ChainSpec;
  readonly rpcUrl: string;
  readonly chainId: number;
  /** Osaka takes blobs with proofs of their cells, earlier rules with proofs of the blobs. */
  readonly hasCellProofs: boolean;
}

/** Sends by the open port of one execution client. An account's transactions go one after the other. */
export class DevnetTransactions {
  readonly #options: DevnetTransactionsOptions;
  readonly #nonces = new Map<string, Promise<number>>();

  constructor(options: DevnetTransactionsOptions) {
    this.#options = options;
  }

  /** @returns the transaction's hash, as of every method here */
  async transfer(from: DevAccount, to: Uint8Array, wei: bigint): Promise<Uint8Array> {
    return await this.#send(from, { to, value: wei, gasLimit: TRANSFER_GAS });
  }

  async sendBlobs(from: DevAccount, to: Uint8Array, blobs: readonly Uint8Array[]): Promise<Uint8Array> {
    const bundle = bundleOf(blobs, this.#options.hasCellProofs);
    return await this.#send(from, { to, gasLimit: TRANSFER_GAS, maxFeePerBlobGas: GWEI }, bundle);
  }

  async deposit(from: DevAccount, data: DepositData): Promise<Uint8Array> {
    const { spec } = this.#options;
    const root = spec.types.phase0.DepositData.hashTreeRoot(data);
    return await this.#send(from, {
      to: spec.config.DEPOSIT_CONTRACT_ADDRESS,
      value: BigInt(data.amount) * GWEI,
      data: encodeDeposit(data, root),
      gasLimit: CONTRACT_GAS,
    });
  }

  /**
   * Counts for a validator whose withdrawal credentials end in the account's address (EIP-7002).
   * @param gwei 0 for a full exit
   */
  async requestWithdrawal(from: DevAccount, pubkey: Uint8Array, gwei: bigint): Promise<Uint8Array> {
    const amount = new Uint8Array(8);
    new DataView(amount.buffer).setBigUint64(0, gwei);
    return await this.#request(from, fromHex(WITHDRAWAL_REQUESTS_ADDRESS), concatBytes(pubkey, amount));
  }

  /** The same key twice turns its credentials into compounding ones (EIP-7251). */
  async requestConsolidation(from: DevAccount, source: Uint8Array, target: Uint8Array): Promise<Uint8Array> {
    return await this.#request(from, fromHex(CONSOLIDATION_REQUESTS_ADDRESS), concatBytes(source, target));
  }

  /** Whether a block holds the transaction, and that it did what it should. */
  async isDone(hash: Uint8Array): Promise<boolean> {
    const receipt = await this.#call("eth_getTransactionReceipt", [toHex(hash)]);
    return receipt !== null && Number((receipt as { status?: string }).status) === 1;
  }

  /** Pays twice the fee of now, because requests before it raise the fee. What is too much stays with the contract. */
  async #request(from: DevAccount, to: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
    const fee = BigInt((await this.#call("eth_call", [{ to: toHex(to), data: "0x" }, "latest"])) as string);
    return await this.#send(from, { to, value: 2n * fee, data, gasLimit: CONTRACT_GAS });
  }

  async #send(
    from: DevAccount,
    fields: Pick<TransactionFields, "to" | "value" | "data" | "gasLimit" | "maxFeePerBlobGas">,
    blobs?: TransactionBlobs,
  ): Promise<Uint8Array> {
    const nonce = await this.#takeNonce(from);
    const fees = { maxPriorityFeePerGas: 2n * GWEI, maxFeePerGas: 100n * GWEI };
    const { chainId } = this.#options;
    const { encoded, hash } = signTransaction(from, { chainId, nonce, ...fees, ...fields }, blobs);
    try {
      await this.#call("eth_sendRawTransaction", [toHex(encoded)]);
    } catch (error) {
      this.#nonces.delete(toHex(from.address)); // ask the client again
      throw error;
    }
    return hash;
  }

  /** Counted here after the first: what waits in the pool is not in the client's count of the latest block. */
  async #takeNonce({ address }: DevAccount): Promise<number> {
    const key = toHex(address);
    const taken = this.#nonces.get(key) ?? this.#call("eth_getTransactionCount", [key, "latest"]).then(Number);
    this.#nonces.set(
      key,
      taken.then((nonce) => nonce + 1),
    );
    return await taken;
  }

  async #call(method: string, params: readonly unknown[]): Promise<unknown> {
    return await callExecution(this.#options.rpcUrl, method, params);
  }
}

function bundleOf(blobs: readonly Uint8Array[], hasCellProofs: boolean): TransactionBlobs {
  const commitments = blobs.map(blobToKzgCommitment);
  const proofs = hasCellProofs
    ? blobs.flatMap((blob) => computeCellsAndKzgProofs(blob)[1])
    : blobs.map((blob, i) => computeBlobKzgProof(blob, commitments[i]!));
  return { blobs, commitments, proofs, hasCellProofs, versionedHashes: commitments.map(kzgCommitmentToVersionedHash) };
}

/** A blob that holds a text again and again; each 32 bytes begin with 0 to be a field element. */
export function textBlob(text: string): Uint8Array {
  const blob = new Uint8Array(BYTES_PER_BLOB);
  const bytes = Buffer.from(text.padEnd(WORD - 1).slice(0, WORD - 1), "latin1");
  for (let at = 0; at < blob.length; at += WORD) blob.set(bytes, at + 1);
  return blob;
}

/** Arguments of the deposit contract: three byte strings by their offsets, then the root of it all. */
function encodeDeposit({ pubkey, withdrawalCredentials, signature }: DepositData, root: Uint8Array): Uint8Array {
  const strings = [pubkey, withdrawalCredentials, signature];
  const offsets: Uint8Array[] = [];
  let at = 4 * WORD;
  for (const bytes of strings) {
    offsets.push(word(at));
    at += WORD + Math.ceil(bytes.length / WORD) * WORD;
  }
  return concatBytes(fromHex(DEPOSIT_SELECTOR), ...offsets, root, ...strings.flatMap(encodeString));
}

function encodeString(bytes: Uint8Array): Uint8Array[] {
  const padded = new Uint8Array(Math.ceil(bytes.length / WORD) * WORD);
  padded.set(bytes);
  return [word(bytes.length), padded];
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(WORD);
  new DataView(bytes.buffer).setUint32(WORD - 4, value);
  return bytes;
}
