/**
 * Every SSZ container of every fork, as one table per fork in the spec's order.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import {
  BitListType,
  BitVectorType,
  BooleanType,
  ByteListType,
  ByteVectorType,
  ContainerType,
  ListBasicType,
  ListCompositeType,
  type Type,
  UintBigintType,
  UintNumberType,
  type ValueOf,
  VectorBasicType,
  VectorCompositeType,
} from "@chainsafe/ssz";
import { installSszHasher } from "../crypto/ssz-hasher.ts";
import { DEPOSIT_CONTRACT_TREE_DEPTH, JUSTIFICATION_BITS_LENGTH, SYNC_COMMITTEE_SUBNET_COUNT } from "./constants.ts";
import type { Preset } from "./preset.ts";

export type { ValueOf } from "@chainsafe/ssz";

/** ATTESTATION_SUBNET_COUNT of every config; the containers depend on the preset alone. */
const ATTNETS_BITS = 64;

/** Depth of the branches that light-client objects carry: floorlog2 of the generalized index. */
const SYNC_COMMITTEE_BRANCH_DEPTH = 5;
const FINALITY_BRANCH_DEPTH = 6;
const EXECUTION_BRANCH_DEPTH = 4;

const Bool = new BooleanType();
const Uint8 = new UintNumberType(1);
const Uint256 = new UintBigintType(32);
const Bytes4 = new ByteVectorType(4);
const Bytes20 = new ByteVectorType(20);
const Bytes32 = new ByteVectorType(32);
const Bytes48 = new ByteVectorType(48);
const Bytes96 = new ByteVectorType(96);

function container<Fields extends Record<string, Type<unknown>>>(typeName: string, fields: Fields) {
  return new ContainerType(fields, { typeName, jsonCase: "eth2" });
}

/**
 * A uint64 of which valid objects hold at most 2^53 (2^64-1 reads as Infinity), and one that may be anything.
 * In "bigint" mode both are exact; the static type of the first stays `number` so that one `Types` serves both modes.
 */
function uints(mode: "number" | "bigint") {
  const exact = new UintBigintType(8);
  const inexact = new UintNumberType(8, { clipInfinity: true });
  return { Uint64: mode === "number" ? inexact : (exact as unknown as UintNumberType), Exact64: exact };
}
type Uints = ReturnType<typeof uints>;

function phase0Basics({ Uint64, Exact64 }: Uints) {
  const Fork = container("Fork", { previousVersion: Bytes4, currentVersion: Bytes4, epoch: Uint64 });
  const ForkData = container("ForkData", { currentVersion: Bytes4, genesisValidatorsRoot: Bytes32 });
  const SigningData = container("SigningData", { objectRoot: Bytes32, domain: Bytes32 });
  const Checkpoint = container("Checkpoint", { epoch: Uint64, root: Bytes32 });
  const CheckpointBigint = container("Checkpoint", { epoch: Exact64, root: Bytes32 });
  const Validator = container("Validator", {
    pubkey: Bytes48,
    withdrawalCredentials: Bytes32,
    effectiveBalance: Uint64,
    slashed: Bool,
    activationEligibilityEpoch: Uint64,
    activationEpoch: Uint64,
    exitEpoch: Uint64,
    withdrawableEpoch: Uint64,
  });
  const AttestationData = container("AttestationData", {
    slot: Uint64,
    index: Uint64,
    beaconBlockRoot: Bytes32,
    source: Checkpoint,
    target: Checkpoint,
  });
  // A validator may have signed any number: what is slashable must hash exactly.
  const AttestationDataBigint = container("AttestationData", {
    slot: Exact64,
    index: Exact64,
    beaconBlockRoot: Bytes32,
    source: CheckpointBigint,
    target: CheckpointBigint,
  });
  // A proposer may vote for any count.
  const Eth1Data = container("Eth1Data", { depositRoot: Bytes32, depositCount: Exact64, blockHash: Bytes32 });
  const Eth1Block = container("Eth1Block", { timestamp: Uint64, depositRoot: Bytes32, depositCount: Exact64 });
  const BeaconBlockHeader = container("BeaconBlockHeader", {
    slot: Uint64,
    proposerIndex: Uint64,
    parentRoot: Bytes32,
    stateRoot: Bytes32,
    bodyRoot: Bytes32,
  });
  const BeaconBlockHeaderBigint = container("BeaconBlockHeader", { ...BeaconBlockHeader.fields, slot: Exact64 });
  const SignedBeaconBlockHeader = container("SignedBeaconBlockHeader", {
    message: BeaconBlockHeader,
    signature: Bytes96,
  });
  const SignedBeaconBlockHeaderBigint = container("SignedBeaconBlockHeader", {
    message: BeaconBlockHeaderBigint,
    signature: Bytes96,
  });
  return {
    Fork,
    ForkData,
    SigningData,
    Checkpoint,
    CheckpointBigint,
    Validator,
    AttestationData,
    AttestationDataBigint,
    Eth1Data,
    Eth1Block,
    BeaconBlockHeader,
    BeaconBlockHeaderBigint,
    SignedBeaconBlockHeader,
    SignedBeaconBlockHeaderBigint,
  };
}

function phase0Operations(preset: Preset, { Uint64, Exact64 }: Uints, basics: ReturnType<typeof phase0Basics>) {
  const { AttestationData, AttestationDataBigint, SignedBeaconBlockHeaderBigint } = basics;
  const AggregationBits = new BitListType(preset.MAX_VALIDATORS_PER_COMMITTEE);
  const AttestingIndices = new ListBasicType(Uint64, preset.MAX_VALIDATORS_PER_COMMITTEE);
  const PendingAttestation = container("PendingAttestation", {
    aggregationBits: AggregationBits,
    data: AttestationData,
    inclusionDelay: Uint64,
    proposerIndex: Uint64,
  });
  const Attestation = container("Attestation", {
    aggregationBits: AggregationBits,
    data: AttestationData,
    signature: Bytes96,
  });
  const IndexedAttestation = container("IndexedAttestation", {
    attestingIndices: AttestingIndices,
    data: AttestationData,
    signature: Bytes96,
  });
  const IndexedAttestationBigint = container("IndexedAttestation", {
    attestingIndices: AttestingIndices,
    data: AttestationDataBigint,
    signature: Bytes96,
  });
  const AttesterSlashing = container("AttesterSlashing", {
    attestation1: IndexedAttestationBigint,
    attestation2: IndexedAttestationBigint,
  });
  const ProposerSlashing = container("ProposerSlashing", {
    signedHeader1: SignedBeaconBlockHeaderBigint,
    signedHeader2: SignedBeaconBlockHeaderBigint,
  });
  const DepositMessage = container("DepositMessage", {
    pubkey: Bytes48,
    withdrawalCredentials: Bytes32,
    amount: Exact64,
  });
  const DepositData = container("DepositData", { ...DepositMessage.fields, signature: Bytes96 });
  const Deposit = container("Deposit", {
    proof: new VectorCompositeType(Bytes32, DEPOSIT_CONTRACT_TREE_DEPTH + 1),
    data: DepositData,
  });
  const VoluntaryExit = container("VoluntaryExit", { epoch: Uint64, validatorIndex: Uint64 });
  const SignedVoluntaryExit = container("SignedVoluntaryExit", { message: VoluntaryExit, signature: Bytes96 });
  const AggregateAndProof = container("AggregateAndProof", {
    aggregatorIndex: Uint64,
    aggregate: Attestation,
    selectionProof: Bytes96,
  });
  const SignedAggregateAndProof = container("SignedAggregateAndProof", {
    message: AggregateAndProof,
    signature: Bytes96,
  });
  return {
    PendingAttestation,
    Attestation,
    IndexedAttestation,
    IndexedAttestationBigint,
    AttesterSlashing,
    ProposerSlashing,
    DepositMessage,
    DepositData,
    Deposit,
    VoluntaryExit,
    SignedVoluntaryExit,
    AggregateAndProof,
    SignedAggregateAndProof,
  };
}

function phase0Types(preset: Preset, uint: Uints) {
  const { Uint64, Exact64 } = uint;
  const basics = phase0Basics(uint);
  const operations = phase0Operations(preset, uint, basics);
  const BlockRoots = new VectorCompositeType(Bytes32, preset.SLOTS_PER_HISTORICAL_ROOT);
  const HistoricalBatch = container("HistoricalBatch", { blockRoots: BlockRoots, stateRoots: BlockRoots });
  const BeaconBlockBody = container("BeaconBlockBody", {
    randaoReveal: Bytes96,
    eth1Data: basics.Eth1Data,
    graffiti: Bytes32,
    proposerSlashings: new ListCompositeType(operations.ProposerSlashing, preset.MAX_PROPOSER_SLASHINGS),
    attesterSlashings: new ListCompositeType(operations.AttesterSlashing, preset.MAX_ATTESTER_SLASHINGS),
    attestations: new ListCompositeType(operations.Attestation, preset.MAX_ATTESTATIONS),
    deposits: new ListCompositeType(operations.Deposit, preset.MAX_DEPOSITS),
    voluntaryExits: new ListCompositeType(operations.SignedVoluntaryExit, preset.MAX_VOLUNTARY_EXITS),
  });
  const EpochAttestations = new ListCompositeType(
    operations.PendingAttestation,
    preset.MAX_ATTESTATIONS * preset.SLOTS_PER_EPOCH,
  );
  const BeaconState = container("BeaconState", {
    genesisTime: Uint64,
    genesisValidatorsRoot: Bytes32,
    slot: Uint64,
    fork: basics.Fork,
    latestBlockHeader: basics.BeaconBlockHeader,
    blockRoots: BlockRoots,
    stateRoots: BlockRoots,
    historicalRoots: new ListCompositeType(Bytes32, preset.HISTORICAL_ROOTS_LIMIT),
    eth1Data: basics.Eth1Data,
    eth1DataVotes: new ListCompositeType(
      basics.Eth1Data,
      preset.EPOCHS_PER_ETH1_VOTING_PERIOD * preset.SLOTS_PER_EPOCH,
    ),
    eth1DepositIndex: Uint64,
    validators: new ListCompositeType(basics.Validator, preset.VALIDATOR_REGISTRY_LIMIT),
    balances: new ListBasicType(Uint64, preset.VALIDATOR_REGISTRY_LIMIT),
    randaoMixes: new VectorCompositeType(Bytes32, preset.EPOCHS_PER_HISTORICAL_VECTOR),
    slashings: new VectorBasicType(Uint64, preset.EPOCHS_PER_SLASHINGS_VECTOR),
    previousEpochAttestations: EpochAttestations,
    currentEpochAttestations: EpochAttestations,
    justificationBits: new BitVectorType(JUSTIFICATION_BITS_LENGTH),
    previousJustifiedCheckpoint: basics.Checkpoint,
    currentJustifiedCheckpoint: basics.Checkpoint,
    finalizedCheckpoint: basics.Checkpoint,
  });
  const Status = container("Status", {
    forkDigest: Bytes4,
    finalizedRoot: Bytes32,
    finalizedEpoch: Uint64,
    headRoot: Bytes32,
    headSlot: Uint64,
  });
  const MetaData = container("MetaData", { seqNumber: Exact64, attnets: new BitVectorType(ATTNETS_BITS) });
  const BeaconBlocksByRangeRequest = container("BeaconBlocksByRangeRequest", {
    startSlot: Uint64,
    count: Uint64,
    step: Uint64,
  });
  return {
    ...basics,
    ...operations,
    HistoricalBatch,
    BeaconBlockBody,
    ...blockTypes(uint, BeaconBlockBody),
    BeaconState,
    Status,
    MetaData,
    BeaconBlocksByRangeRequest,
  };
}

function blockTypes<Body extends Type<unknown>>({ Uint64 }: Uints, body: Body) {
  const BeaconBlock = container("BeaconBlock", {
    slot: Uint64,
    proposerIndex: Uint64,
    parentRoot: Bytes32,
    stateRoot: Bytes32,
    body,
  });
  return {
    BeaconBlock,
    SignedBeaconBlock: container("SignedBeaconBlock", { message: BeaconBlock, signature: Bytes96 }),
  };
}

function syncCommitteeTypes(preset: Preset, { Uint64 }: Uints) {
  const SyncAggregate = container("SyncAggregate", {
    syncCommitteeBits: new BitVectorType(preset.SYNC_COMMITTEE_SIZE),
    syncCommitteeSignature: Bytes96,
  });
  const SyncCommittee = container("SyncCommittee", {
    pubkeys: new VectorCompositeType(Bytes48, preset.SYNC_COMMITTEE_SIZE),
    aggregatePubkey: Bytes48,
  });
  const SyncCommitteeMessage = container("SyncCommitteeMessage", {
    slot: Uint64,
    beaconBlockRoot: Bytes32,
    validatorIndex: Uint64,
    signature: Bytes96,
  });
  const SyncCommitteeContribution = container("SyncCommitteeContribution", {
    slot: Uint64,
    beaconBlockRoot: Bytes32,
    subcommitteeIndex: Uint64,
    aggregationBits: new BitVectorType(preset.SYNC_COMMITTEE_SIZE / SYNC_COMMITTEE_SUBNET_COUNT),
    signature: Bytes96,
  });
  const ContributionAndProof = container("ContributionAndProof", {
    aggregatorIndex: Uint64,
    contribution: SyncCommitteeContribution,
    selectionProof: Bytes96,
  });
  return {
    SyncAggregate,
    SyncCommittee,
    SyncCommitteeMessage,
    SyncCommitteeContribution,
    ContributionAndProof,
    SignedContributionAndProof: container("SignedContributionAndProof", {
      message: ContributionAndProof,
      signature: Bytes96,
    }),
    SyncAggregatorSelectionData: container("SyncAggregatorSelectionData", { slot: Uint64, subcommitteeIndex: Uint64 }),
  };
}

/** What a fork's light-client objects are made of: its header, the committees and the depth of the branches. */
interface LightClientParts<
  Header extends Type<unknown>,
  Committee extends Type<unknown>,
  Aggregate extends Type<unknown>,
> {
  readonly header: Header;
  readonly committee: Committee;
  readonly aggregate: Aggregate;
  /** Electra's state has one more level. */
  readonly extraDepth: 0 | 1;
}

function lightClientTypes<
  Header extends Type<unknown>,
  Committee extends Type<unknown>,
  Aggregate extends Type<unknown>,
>({ Uint64 }: Uints, { header, committee, aggregate, extraDepth }: LightClientParts<Header, Committee, Aggregate>) {
  const CommitteeBranch = new VectorCompositeType(Bytes32, SYNC_COMMITTEE_BRANCH_DEPTH + extraDepth);
  const FinalityBranch = new VectorCompositeType(Bytes32, FINALITY_BRANCH_DEPTH + extraDepth);
  return {
    LightClientHeader: header,
    LightClientBootstrap: container("LightClientBootstrap", {
      header,
      currentSyncCommittee: committee,
      currentSyncCommitteeBranch: CommitteeBranch,
    }),
    LightClientUpdate: container("LightClientUpdate", {
      attestedHeader: header,
      nextSyncCommittee: committee,
      nextSyncCommitteeBranch: CommitteeBranch,
      finalizedHeader: header,
      finalityBranch: FinalityBranch,
      syncAggregate: aggregate,
      signatureSlot: Uint64,
    }),
    LightClientFinalityUpdate: container("LightClientFinalityUpdate", {
      attestedHeader: header,
      finalizedHeader: header,
      finalityBranch: FinalityBranch,
      syncAggregate: aggregate,
      signatureSlot: Uint64,
    }),
    LightClientOptimisticUpdate: container("LightClientOptimisticUpdate", {
      attestedHeader: header,
      syncAggregate: aggregate,
      signatureSlot: Uint64,
    }),
  };
}

function altairTypes(preset: Preset, uint: Uints, phase0: ReturnType<typeof phase0Types>) {
  const { Uint64 } = uint;
  const sync = syncCommitteeTypes(preset, uint);
  const BeaconBlockBody = container("BeaconBlockBody", {
    ...phase0.BeaconBlockBody.fields,
    syncAggregate: sync.SyncAggregate,
  });
  const EpochParticipation = new ListBasicType(Uint8, preset.VALIDATOR_REGISTRY_LIMIT);
  const { previousEpochAttestations, currentEpochAttestations, ...inherited } = phase0.BeaconState.fields;
  const { justificationBits, previousJustifiedCheckpoint, currentJustifiedCheckpoint, finalizedCheckpoint, ...head } =
    inherited;
  const BeaconState = container("BeaconState", {
    ...head,
    previousEpochParticipation: EpochParticipation,
    currentEpochParticipation: EpochParticipation,
    justificationBits,
    previousJustifiedCheckpoint,
    currentJustifiedCheckpoint,
    finalizedCheckpoint,
    inactivityScores: new ListBasicType(Uint64, preset.VALIDATOR_REGISTRY_LIMIT),
    currentSyncCommittee: sync.SyncCommittee,
    nextSyncCommittee: sync.SyncCommittee,
  });
  const MetaData = container("MetaData", {
    ...phase0.MetaData.fields,
    syncnets: new BitVectorType(SYNC_COMMITTEE_SUBNET_COUNT),
  });
  return {
    ...phase0,
    ...sync,
    BeaconBlockBody,
    ...blockTypes(uint, BeaconBlockBody),
    BeaconState,
    MetaData,
    ...lightClientTypes(uint, {
      header: container("LightClientHeader", { beacon: phase0.BeaconBlockHeader }),
      committee: sync.SyncCommittee,
      aggregate: sync.SyncAggregate,
      extraDepth: 0,
    }),
    LightClientUpdatesByRangeRequest: container("LightClientUpdatesByRangeRequest", {
      startPeriod: Uint64,
      count: Uint64,
    }),
  };
}

function bellatrixTypes(preset: Preset, uint: Uints, altair: ReturnType<typeof altairTypes>) {
  const { Exact64 } = uint;
  const common = {
    parentHash: Bytes32,
    feeRecipient: Bytes20,
    stateRoot: Bytes32,
    receiptsRoot: Bytes32,
    logsBloom: new ByteVectorType(preset.BYTES_PER_LOGS_BLOOM),
    prevRandao: Bytes32,
    blockNumber: Exact64,
    gasLimit: Exact64,
    gasUsed: Exact64,
    timestamp: Exact64,
    extraData: new ByteListType(preset.MAX_EXTRA_DATA_BYTES),
    baseFeePerGas: Uint256,
    blockHash: Bytes32,
  };
  const Transaction = new ByteListType(preset.MAX_BYTES_PER_TRANSACTION);
  const Transactions = new ListCompositeType(Transaction, preset.MAX_TRANSACTIONS_PER_PAYLOAD);
  const ExecutionPayload = container("ExecutionPayload", { ...common, transactions: Transactions });
  const ExecutionPayloadHeader = container("ExecutionPayloadHeader", { ...common, transactionsRoot: Bytes32 });
  const BeaconBlockBody = container("BeaconBlockBody", {
    ...altair.BeaconBlockBody.fields,
    executionPayload: ExecutionPayload,
  });
  const BeaconState = container("BeaconState", {
    ...altair.BeaconState.fields,
    latestExecutionPayloadHeader: ExecutionPayloadHeader,
  });
  return {
    ...altair,
    Transactions,
    ExecutionPayload,
    ExecutionPayloadHeader,
    PowBlock: container("PowBlock", { blockHash: Bytes32, parentHash: Bytes32, totalDifficulty: Uint256 }),
    BeaconBlockBody,
    ...blockTypes(uint, BeaconBlockBody),
    BeaconState,
  };
}

function capellaTypes(preset: Preset, uint: Uints, bellatrix: ReturnType<typeof bellatrixTypes>) {
  const { Uint64, Exact64 } = uint;
  const Withdrawal = container("Withdrawal", {
    index: Uint64,
    validatorIndex: Uint64,
    address: Bytes20,
    amount: Exact64,
  });
  const BLSToExecutionChange = container("BLSToExecutionChange", {
    validatorIndex: Uint64,
    fromBlsPubkey: Bytes48,
    toExecutionAddress: Bytes20,
  });
  const SignedBLSToExecutionChange = container("SignedBLSToExecutionChange", {
    message: BLSToExecutionChange,
    signature: Bytes96,
  });
  const HistoricalSummary = container("HistoricalSummary", { blockSummaryRoot: Bytes32, stateSummaryRoot: Bytes32 });
  const Withdrawals = new ListCompositeType(Withdrawal, preset.MAX_WITHDRAWALS_PER_PAYLOAD);
  const ExecutionPayload = container("ExecutionPayload", {
    ...bellatrix.ExecutionPayload.fields,
    withdrawals: Withdrawals,
  });
  const ExecutionPayloadHeader = container("ExecutionPayloadHeader", {
    ...bellatrix.ExecutionPayloadHeader.fields,
    withdrawalsRoot: Bytes32,
  });
  const BeaconBlockBody = container("BeaconBlockBody", {
    ...bellatrix.BeaconBlockBody.fields,
    executionPayload: ExecutionPayload,
    blsToExecutionChanges: new ListCompositeType(SignedBLSToExecutionChange, preset.MAX_BLS_TO_EXECUTION_CHANGES),
  });
  const BeaconState = container("BeaconState", {
    ...bellatrix.BeaconState.fields,
    latestExecutionPayloadHeader: ExecutionPayloadHeader,
    nextWithdrawalIndex: Uint64,
    nextWithdrawalValidatorIndex: Uint64,
    historicalSummaries: new ListCompositeType(HistoricalSummary, preset.HISTORICAL_ROOTS_LIMIT),
  });
  return {
    ...bellatrix,
    Withdrawal,
    Withdrawals,
    BLSToExecutionChange,
    SignedBLSToExecutionChange,
    HistoricalSummary,
    ExecutionPayload,
    ExecutionPayloadHeader,
    BeaconBlockBody,
    ...blockTypes(uint, BeaconBlockBody),
    BeaconState,
    ...lightClientTypes(uint, {
      header: lightClientHeader(bellatrix.BeaconBlockHeader, ExecutionPayloadHeader),
      committee: bellatrix.SyncCommittee,
      aggregate: bellatrix.SyncAggregate,
      extraDepth: 0,
    }),
  };
}

function lightClientHeader<Beacon extends Type<unknown>, Execution extends Type<unknown>>(
  beacon: Beacon,
  execution: Execution,
) {
  const executionBranch = new VectorCompositeType(Bytes32, EXECUTION_BRANCH_DEPTH);
  return container("LightClientHeader", { beacon, execution, executionBranch });
}

function denebTypes(preset: Preset, uint: Uints, capella: ReturnType<typeof capellaTypes>) {
  const { Uint64, Exact64 } = uint;
  const blobGas = { blobGasUsed: Exact64, excessBlobGas: Exact64 };
  const ExecutionPayload = container("ExecutionPayload", { ...capella.ExecutionPayload.fields, ...blobGas });
  const ExecutionPayloadHeader = container("ExecutionPayloadHeader", {
    ...capella.ExecutionPayloadHeader.fields,
    ...blobGas,
  });
  const BlobKzgCommitments = new ListCompositeType(Bytes48, preset.MAX_BLOB_COMMITMENTS_PER_BLOCK);
  const BeaconBlockBody = container("BeaconBlockBody", {
    ...capella.BeaconBlockBody.fields,
    executionPayload: ExecutionPayload,
    blobKzgCommitments: BlobKzgCommitments,
  });
  const BeaconState = container("BeaconState", {
    ...capella.BeaconState.fields,
    latestExecutionPayloadHeader: ExecutionPayloadHeader,
  });
  const Blob = new ByteVectorType(32 * preset.FIELD_ELEMENTS_PER_BLOB);
  const BlobSidecar = container("BlobSidecar", {
    index: Uint64,
    blob: Blob,
    kzgCommitment: Bytes48,
    kzgProof: Bytes48,
    signedBlockHeader: capella.SignedBeaconBlockHeader,
    kzgCommitmentInclusionProof: new VectorCompositeType(Bytes32, preset.KZG_COMMITMENT_INCLUSION_PROOF_DEPTH),
  });
  return {
    ...capella,
    ExecutionPayload,
    ExecutionPayloadHeader,
    BlobKzgCommitments,
    BeaconBlockBody,
    ...blockTypes(uint, BeaconBlockBody),
    BeaconState,
    Blob,
    BlobSidecar,
    BlobIdentifier: container("BlobIdentifier", { blockRoot: Bytes32, index: Uint64 }),
    BlobSidecarsByRangeRequest: container("BlobSidecarsByRangeRequest", { startSlot: Uint64, count: Uint64 }),
    ...lightClientTypes(uint, {
      header: lightClientHeader(capella.BeaconBlockHeader, ExecutionPayloadHeader),
      committee: capella.SyncCommittee,
      aggregate: capella.SyncAggregate,
      extraDepth: 0,
    }),
  };
}

function electraAttestations(preset: Preset, { Uint64 }: Uints, deneb: ReturnType<typeof denebTypes>) {
  const { AttestationData, AttestationDataBigint } = deneb;
  const maxAttesters = preset.MAX_VALIDATORS_PER_COMMITTEE * preset.MAX_COMMITTEES_PER_SLOT;
  const AttestingIndices = new ListBasicType(Uint64, maxAttesters);
  const Attestation = container("Attestation", {
    aggregationBits: new BitListType(maxAttesters),
    data: AttestationData,
    signature: Bytes96,
    committeeBits: new BitVectorType(preset.MAX_COMMITTEES_PER_SLOT),
  });
  const IndexedAttestation = container("IndexedAttestation", {
    attestingIndices: AttestingIndices,
    data: AttestationData,
    signature: Bytes96,
  });
  const IndexedAttestationBigint = container("IndexedAttestation", {
    attestingIndices: AttestingIndices,
    data: AttestationDataBigint,
    signature: Bytes96,
  });
  const AggregateAndProof = container("AggregateAndProof", {
    aggregatorIndex: Uint64,
    aggregate: Attestation,
    selectionProof: Bytes96,
  });
  return {
    Attestation,
    IndexedAttestation,
    IndexedAttestationBigint,
    AttesterSlashing: container("AttesterSlashing", {
      attestation1: IndexedAttestationBigint,
      attestation2: IndexedAttestationBigint,
    }),
    SingleAttestation: container("SingleAttestation", {
      committeeIndex: Uint64,
      attesterIndex: Uint64,
      data: AttestationData,
      signature: Bytes96,
    }),
    AggregateAndProof,
    SignedAggregateAndProof: container("SignedAggregateAndProof", { message: AggregateAndProof, signature: Bytes96 }),
  };
}

function electraRequests(preset: Preset, { Uint64, Exact64 }: Uints) {
  const DepositRequest = container("DepositRequest", {
    pubkey: Bytes48,
    withdrawalCredentials: Bytes32,
    amount: Exact64,
    signature: Bytes96,
    // Whatever the deposit contract counts: a random chain of the reference tests goes up to 2^64.
    index: Exact64,
  });
  const WithdrawalRequest = container("WithdrawalRequest", {
    sourceAddress: Bytes20,
    validatorPubkey: Bytes48,
    amount: Exact64,
  });
  const ConsolidationRequest = container("ConsolidationRequest", {
    sourceAddress: Bytes20,
    sourcePubkey: Bytes48,
    targetPubkey: Bytes48,
  });
  const DepositRequests = new ListCompositeType(DepositRequest, preset.MAX_DEPOSIT_REQUESTS_PER_PAYLOAD);
  const WithdrawalRequests = new ListCompositeType(WithdrawalRequest, preset.MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD);
  const ConsolidationRequests = new ListCompositeType(
    ConsolidationRequest,
    preset.MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD,
  );
  return {
    DepositRequest,
    WithdrawalRequest,
    ConsolidationRequest,
    DepositRequests,
    WithdrawalRequests,
    ConsolidationRequests,
    ExecutionRequests: container("ExecutionRequests", {
      deposits: DepositRequests,
      withdrawals: WithdrawalRequests,
      consolidations: ConsolidationRequests,
    }),
    PendingDeposit: container("PendingDeposit", {
      pubkey: Bytes48,
      withdrawalCredentials: Bytes32,
      amount: Exact64,
      signature: Bytes96,
      slot: Uint64,
    }),
    PendingPartialWithdrawal: container("PendingPartialWithdrawal", {
      validatorIndex: Uint64,
      amount: Exact64,
      withdrawableEpoch: Uint64,
    }),
    PendingConsolidation: container("PendingConsolidation", { sourceIndex: Uint64, targetIndex: Uint64 }),
  };
}

function electraTypes(preset: Preset, uint: Uints, deneb: ReturnType<typeof denebTypes>) {
  const { Uint64, Exact64 } = uint;
  const attestations = electraAttestations(preset, uint, deneb);
  const requests = electraRequests(preset, uint);
  const BeaconBlockBody = container("BeaconBlockBody", {
    ...deneb.BeaconBlockBody.fields,
    attesterSlashings: new ListCompositeType(attestations.AttesterSlashing, preset.MAX_ATTESTER_SLASHINGS_ELECTRA),
    attestations: new ListCompositeType(attestations.Attestation, preset.MAX_ATTESTATIONS_ELECTRA),
    executionRequests: requests.ExecutionRequests,
  });
  const BeaconState = container("BeaconState", {
    ...deneb.BeaconState.fields,
    depositRequestsStartIndex: Exact64,
    depositBalanceToConsume: Uint64,
    exitBalanceToConsume: Uint64,
    earliestExitEpoch: Uint64,
    consolidationBalanceToConsume: Uint64,
    earliestConsolidationEpoch: Uint64,
    pendingDeposits: new ListCompositeType(requests.PendingDeposit, preset.PENDING_DEPOSITS_LIMIT),
    pendingPartialWithdrawals: new ListCompositeType(
      requests.PendingPartialWithdrawal,
      preset.PENDING_PARTIAL_WITHDRAWALS_LIMIT,
    ),
    pendingConsolidations: new ListCompositeType(requests.PendingConsolidation, preset.PENDING_CONSOLIDATIONS_LIMIT),
  });
  return {
    ...deneb,
    ...attestations,
    ...requests,
    BeaconBlockBody,
    ...blockTypes(uint, BeaconBlockBody),
    BeaconState,
    ...lightClientTypes(uint, {
      header: deneb.LightClientHeader,
      committee: deneb.SyncCommittee,
      aggregate: deneb.SyncAggregate,
      extraDepth: 1,
    }),
  };
}

function dataColumnTypes(preset: Preset, { Uint64 }: Uints, electra: ReturnType<typeof electraTypes>) {
  const Cell = new ByteVectorType(32 * preset.FIELD_ELEMENTS_PER_CELL);
  const Cells = new ListCompositeType(Cell, preset.MAX_BLOB_COMMITMENTS_PER_BLOCK);
  const CellBits = new BitListType(preset.MAX_BLOB_COMMITMENTS_PER_BLOCK);
  const InclusionProof = new VectorCompositeType(Bytes32, preset.KZG_COMMITMENTS_INCLUSION_PROOF_DEPTH);
  const Columns = new ListBasicType(Uint64, preset.NUMBER_OF_COLUMNS);
  const { BlobKzgCommitments, SignedBeaconBlockHeader } = electra;
  const PartialDataColumnHeader = container("PartialDataColumnHeader", {
    kzgCommitments: BlobKzgCommitments,
    signedBlockHeader: SignedBeaconBlockHeader,
    kzgCommitmentsInclusionProof: InclusionProof,
  });
  return {
    Cell,
    DataColumnSidecar: container("DataColumnSidecar", {
      index: Uint64,
      column: Cells,
      kzgCommitments: BlobKzgCommitments,
      kzgProofs: BlobKzgCommitments,
      signedBlockHeader: SignedBeaconBlockHeader,
      kzgCommitmentsInclusionProof: InclusionProof,
    }),
    DataColumnsByRootIdentifier: container("DataColumnsByRootIdentifier", { blockRoot: Bytes32, columns: Columns }),
    DataColumnSidecarsByRangeRequest: container("DataColumnSidecarsByRangeRequest", {
      startSlot: Uint64,
      count: Uint64,
      columns: Columns,
    }),
    MatrixEntry: container("MatrixEntry", { cell: Cell, kzgProof: Bytes48, columnIndex: Uint64, rowIndex: Uint64 }),
    PartialDataColumnHeader,
    PartialDataColumnSidecar: container("PartialDataColumnSidecar", {
      cellsPresentBitmap: CellBits,
      partialColumn: Cells,
      kzgProofs: BlobKzgCommitments,
      header: new ListCompositeType(PartialDataColumnHeader, 1),
    }),
    PartialDataColumnPartsMetadata: container("PartialDataColumnPartsMetadata", {
      available: CellBits,
      requests: CellBits,
    }),
    PartialDataColumnGroupID: container("PartialDataColumnGroupID", { beaconBlockRoot: Bytes32 }),
  };
}

function fuluTypes(preset: Preset, uint: Uints, electra: ReturnType<typeof electraTypes>) {
  const { Uint64 } = uint;
  const BeaconState = container("BeaconState", {
    ...electra.BeaconState.fields,
    proposerLookahead: new VectorBasicType(Uint64, (preset.MIN_SEED_LOOKAHEAD + 1) * preset.SLOTS_PER_EPOCH),
  });
  return {
    ...electra,
    ...dataColumnTypes(preset, uint, electra),
    BeaconState,
    Status: container("Status", { ...electra.Status.fields, earliestAvailableSlot: Uint64 }),
    MetaData: container("MetaData", { ...electra.MetaData.fields, custodyGroupCount: Uint64 }),
  };
}

/**
 * All types of a preset, by fork and by the spec's name; a fork has the types of the forks before it.
 * Names that end in `Bigint` are the exact variants that slashings hold.
 * @param uint64 "number" for the client; "bigint" keeps every uint64 exact, for tools
 */
export function createTypes(preset: Preset, uint64: "number" | "bigint" = "number") {
  installSszHasher();
  const uint = uints(uint64);
  const phase0 = phase0Types(preset, uint);
  const altair = altairTypes(preset, uint, phase0);
  const bellatrix = bellatrixTypes(preset, uint, altair);
  const capella = capellaTypes(preset, uint, bellatrix);
  const deneb = denebTypes(preset, uint, capella);
  const electra = electraTypes(preset, uint, deneb);
  const fulu = fuluTypes(preset, uint, electra);
  return Object.freeze({ phase0, altair, bellatrix, capella, deneb, electra, fulu });
}

export type Types = ReturnType<typeof createTypes>;

/** Values are typed by the newest fork; an object of an older fork simply lacks the newer fields. */
type Newest<Name extends keyof Types["fulu"]> = ValueOf<Types["fulu"][Name]>;

export type Fork = Newest<"Fork">;
export type ForkData = Newest<"ForkData">;
export type SigningData = Newest<"SigningData">;
export type Checkpoint = Newest<"Checkpoint">;
export type CheckpointBigint = Newest<"CheckpointBigint">;
export type Validator = Newest<"Validator">;
export type AttestationData = Newest<"AttestationData">;
export type AttestationDataBigint = Newest<"AttestationDataBigint">;
export type Eth1Data = Newest<"Eth1Data">;
export type Eth1Block = Newest<"Eth1Block">;
export type BeaconBlockHeader = Newest<"BeaconBlockHeader">;
export type BeaconBlockHeaderBigint = Newest<"BeaconBlockHeaderBigint">;
export type SignedBeaconBlockHeader = Newest<"SignedBeaconBlockHeader">;
export type SignedBeaconBlockHeaderBigint = Newest<"SignedBeaconBlockHeaderBigint">;
export type IndexedAttestation = Newest<"IndexedAttestation">;
export type IndexedAttestationBigint = Newest<"IndexedAttestationBigint">;
export type AttesterSlashing = Newest<"AttesterSlashing">;
export type ProposerSlashing = Newest<"ProposerSlashing">;
export type DepositMessage = Newest<"DepositMessage">;
export type DepositData = Newest<"DepositData">;
export type Deposit = Newest<"Deposit">;
export type VoluntaryExit = Newest<"VoluntaryExit">;
export type SignedVoluntaryExit = Newest<"SignedVoluntaryExit">;
export type HistoricalBatch = Newest<"HistoricalBatch">;
export type HistoricalSummary = Newest<"HistoricalSummary">;
export type BeaconBlock = Newest<"BeaconBlock">;
export type BeaconBlockBody = Newest<"BeaconBlockBody">;
export type SignedBeaconBlock = Newest<"SignedBeaconBlock">;
export type Attestation = Newest<"Attestation">;
export type SingleAttestation = Newest<"SingleAttestation">;
export type AggregateAndProof = Newest<"AggregateAndProof">;
export type SignedAggregateAndProof = Newest<"SignedAggregateAndProof">;
export type SyncAggregate = Newest<"SyncAggregate">;
export type SyncCommittee = Newest<"SyncCommittee">;
export type SyncCommitteeMessage = Newest<"SyncCommitteeMessage">;
export type SyncCommitteeContribution = Newest<"SyncCommitteeContribution">;
export type ContributionAndProof = Newest<"ContributionAndProof">;
export type SignedContributionAndProof = Newest<"SignedContributionAndProof">;
export type SyncAggregatorSelectionData = Newest<"SyncAggregatorSelectionData">;
export type LightClientHeader = Newest<"LightClientHeader">;
export type LightClientBootstrap = Newest<"LightClientBootstrap">;
export type LightClientUpdate = Newest<"LightClientUpdate">;
export type LightClientFinalityUpdate = Newest<"LightClientFinalityUpdate">;
export type LightClientOptimisticUpdate = Newest<"LightClientOptimisticUpdate">;
export type ExecutionPayload = Newest<"ExecutionPayload">;
export type ExecutionPayloadHeader = Newest<"ExecutionPayloadHeader">;
export type PowBlock = Newest<"PowBlock">;
export type Withdrawal = Newest<"Withdrawal">;
export type BLSToExecutionChange = Newest<"BLSToExecutionChange">;
export type SignedBLSToExecutionChange = Newest<"SignedBLSToExecutionChange">;
export type BlobSidecar = Newest<"BlobSidecar">;
export type BlobIdentifier = Newest<"BlobIdentifier">;
export type DepositRequest = Newest<"DepositRequest">;
export type WithdrawalRequest = Newest<"WithdrawalRequest">;
export type ConsolidationRequest = Newest<"ConsolidationRequest">;
export type ExecutionRequests = Newest<"ExecutionRequests">;
export type PendingDeposit = Newest<"PendingDeposit">;
export type PendingPartialWithdrawal = Newest<"PendingPartialWithdrawal">;
export type PendingConsolidation = Newest<"PendingConsolidation">;
export type DataColumnSidecar = Newest<"DataColumnSidecar">;
export type DataColumnsByRootIdentifier = Newest<"DataColumnsByRootIdentifier">;
export type MatrixEntry = Newest<"MatrixEntry">;
export type PartialDataColumnHeader = Newest<"PartialDataColumnHeader">;
export type PartialDataColumnSidecar = Newest<"PartialDataColumnSidecar">;
export type PartialDataColumnPartsMetadata = Newest<"PartialDataColumnPartsMetadata">;
export type PartialDataColumnGroupID = Newest<"PartialDataColumnGroupID">;
export type Status = Newest<"Status">;
export type MetaData = Newest<"MetaData">;
export type PendingAttestation = ValueOf<Types["phase0"]["PendingAttestation"]>;
export type Phase0Attestation = ValueOf<Types["phase0"]["Attestation"]>;
