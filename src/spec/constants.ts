/**
 * The constants that no preset or config changes.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */

export const UINT64_MAX = 2n ** 64n - 1n;
export const UINT64_MAX_SQRT = 4_294_967_295n;
export const UINT256_MAX = 2n ** 256n - 1n;

export const GENESIS_SLOT = 0;
export const GENESIS_EPOCH = 0;
/** 2^64-1 in SSZ. */
export const FAR_FUTURE_EPOCH = Infinity;
export const BASE_REWARDS_PER_EPOCH = 4;
export const DEPOSIT_CONTRACT_TREE_DEPTH = 32;
export const JUSTIFICATION_BITS_LENGTH = 4;
export const BASIS_POINTS = 10_000;
export const ETH_TO_GWEI = 1_000_000_000;
export const SAFETY_DECAY = 10;

export const BLS_WITHDRAWAL_PREFIX = 0x00;
export const ETH1_ADDRESS_WITHDRAWAL_PREFIX = 0x01;
export const COMPOUNDING_WITHDRAWAL_PREFIX = 0x02;

export const DOMAIN_BEACON_PROPOSER = domainType(0x00);
export const DOMAIN_BEACON_ATTESTER = domainType(0x01);
export const DOMAIN_RANDAO = domainType(0x02);
export const DOMAIN_DEPOSIT = domainType(0x03);
export const DOMAIN_VOLUNTARY_EXIT = domainType(0x04);
export const DOMAIN_SELECTION_PROOF = domainType(0x05);
export const DOMAIN_AGGREGATE_AND_PROOF = domainType(0x06);
export const DOMAIN_SYNC_COMMITTEE = domainType(0x07);
export const DOMAIN_SYNC_COMMITTEE_SELECTION_PROOF = domainType(0x08);
export const DOMAIN_CONTRIBUTION_AND_PROOF = domainType(0x09);
export const DOMAIN_BLS_TO_EXECUTION_CHANGE = domainType(0x0a);
export const DOMAIN_APPLICATION_MASK = new Uint8Array([0, 0, 0, 1]);

export const TARGET_AGGREGATORS_PER_COMMITTEE = 16;
export const COMMITTEE_WEIGHT_ESTIMATION_ADJUSTMENT_FACTOR = 5;

// Altair
export const TIMELY_SOURCE_FLAG_INDEX = 0;
export const TIMELY_TARGET_FLAG_INDEX = 1;
export const TIMELY_HEAD_FLAG_INDEX = 2;
export const TIMELY_SOURCE_WEIGHT = 14;
export const TIMELY_TARGET_WEIGHT = 26;
export const TIMELY_HEAD_WEIGHT = 14;
export const SYNC_REWARD_WEIGHT = 2;
export const PROPOSER_WEIGHT = 8;
export const WEIGHT_DENOMINATOR = 64;
export const PARTICIPATION_FLAG_WEIGHTS = [TIMELY_SOURCE_WEIGHT, TIMELY_TARGET_WEIGHT, TIMELY_HEAD_WEIGHT] as const;
export const G2_POINT_AT_INFINITY = Uint8Array.of(0xc0, ...new Uint8Array(95));
export const TARGET_AGGREGATORS_PER_SYNC_SUBCOMMITTEE = 16;
export const SYNC_COMMITTEE_SUBNET_COUNT = 4;

// Bellatrix
export const SAFE_SLOTS_TO_IMPORT_OPTIMISTICALLY = 128;

// Deneb
export const VERSIONED_HASH_VERSION_KZG = 0x01;
export const BYTES_PER_FIELD_ELEMENT = 32;

// Electra
export const UNSET_DEPOSIT_REQUESTS_START_INDEX = UINT64_MAX;
export const FULL_EXIT_REQUEST_AMOUNT = 0n;
export const DEPOSIT_REQUEST_TYPE = 0x00;
export const WITHDRAWAL_REQUEST_TYPE = 0x01;
export const CONSOLIDATION_REQUEST_TYPE = 0x02;

// Light client: places in the state and the block body. Electra's longer state moved them.
export const FINALIZED_ROOT_GINDEX = 105n;
export const CURRENT_SYNC_COMMITTEE_GINDEX = 54n;
export const NEXT_SYNC_COMMITTEE_GINDEX = 55n;
export const FINALIZED_ROOT_GINDEX_ELECTRA = 169n;
export const CURRENT_SYNC_COMMITTEE_GINDEX_ELECTRA = 86n;
export const NEXT_SYNC_COMMITTEE_GINDEX_ELECTRA = 87n;
export const EXECUTION_PAYLOAD_GINDEX = 25n;

// Networking
export const NODE_ID_BITS = 256;
export const MAX_CONCURRENT_REQUESTS = 2;
export const MAX_REQUEST_LIGHT_CLIENT_UPDATES = 128;

function domainType(first: number): Uint8Array {
  return new Uint8Array([first, 0, 0, 0]);
}
