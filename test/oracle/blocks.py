"""Random blocks: every operation of the fork, most of them valid, signed where signatures count."""

import signatures
from eth_consensus_specs.test.helpers.attestations import get_valid_attestation
from eth_consensus_specs.test.helpers.attester_slashings import get_valid_attester_slashing_by_indices
from eth_consensus_specs.test.helpers.block import build_empty_block
from eth_consensus_specs.test.helpers.bls_to_execution_changes import get_signed_address_change
from eth_consensus_specs.test.helpers.deposits import build_deposit_data, deposit_from_context
from eth_consensus_specs.test.helpers.keys import privkeys, pubkeys
from eth_consensus_specs.test.helpers.proposer_slashings import get_valid_proposer_slashing
from eth_consensus_specs.test.helpers.sync_committee import (
    compute_aggregate_sync_committee_signature,
    compute_committee_indices,
)
from eth_consensus_specs.test.helpers.voluntary_exits import prepare_signed_exits

ETHER = 10**9
ATTEMPTS = 3


def random_block(spec, rng, pre):
    """
    A signed block on the state, and whether the state had to be changed (deposits are announced in it).
    Operations that do not go together are tried again with fewer; the last attempt is returned as it is.
    """
    changed = announce_deposits(spec, rng, pre) if rng.random() < 0.08 else []
    slot = pre.slot + rng.choice([1, 1, 1, 1, 2, 3])
    at = pre.copy()
    spec.process_slots(at, slot)
    signed = None
    for attempt in range(ATTEMPTS):
        block = build_empty_block(spec, at, slot)
        block.body.deposits = [deposit_from_context(spec, changed, i)[0] for i in range(len(changed))]
        fill(spec, rng, at, block, 0.5**attempt)
        signed = spec.SignedBeaconBlock(message=block)
        if finish(spec, at, signed):
            break
    return signed, len(changed) > 0


def finish(spec, at, signed):
    """Sets the state root and the signature; False when the block is invalid."""
    state = at.copy()
    valid = True
    try:
        spec.process_block(state, signed.message)
    except Exception:
        valid = False
    signed.message.state_root = state.hash_tree_root()
    signatures.sign_block(spec, at, signed)
    return valid


def fill(spec, rng, at, block, share):
    body = block.body
    body.graffiti = rng.getrandbits(256).to_bytes(32, "little")
    body.eth1_data = random_eth1_vote(spec, rng, at)
    body.attestations = random_attestations(spec, rng, at)
    fill_sync_aggregate(spec, rng, at, body.sync_aggregate, block.parent_root)
    if rng.random() < 0.3 * share:
        fill_slashings(spec, rng, at, body)
    if rng.random() < 0.3 * share:
        body.voluntary_exits = prepare_signed_exits(spec, at, rng.sample(range(len(at.validators)), rng.randrange(1, 3)))
    if hasattr(body, "bls_to_execution_changes") and rng.random() < 0.4 * share:
        body.bls_to_execution_changes = random_address_changes(spec, rng, at)
    if hasattr(body, "execution_payload"):
        fill_payload(rng, body.execution_payload)
    if hasattr(body, "blob_kzg_commitments"):
        body.blob_kzg_commitments = [rng.getrandbits(384).to_bytes(48, "little") for _ in range(rng.choice([0, 1, 6]))]
    if hasattr(body, "execution_requests") and rng.random() < 0.7:
        fill_requests(spec, rng, at, body.execution_requests)


def random_eth1_vote(spec, rng, at):
    if rng.random() < 0.8:
        return at.eth1_data.copy()
    vote = at.eth1_data.copy()
    vote.block_hash = bytes([rng.randrange(4)]) * 32
    return vote


def random_attestations(spec, rng, at):
    most = int(spec.MAX_ATTESTATIONS_ELECTRA if hasattr(spec, "MAX_ATTESTATIONS_ELECTRA") else 8)
    attestations = []
    for _ in range(rng.randrange(most + 1)):
        slot = int(at.slot) - rng.randrange(1, spec.SLOTS_PER_EPOCH + 1)
        committees = int(spec.get_committee_count_per_slot(at, spec.compute_epoch_at_slot(slot)))
        rate = rng.choice([0.4, 0.8, 1.0])
        attestation = get_valid_attestation(
            spec,
            at,
            slot=slot,
            index=rng.randrange(committees),
            filter_participant_set=lambda members, rate=rate: {m for m in sorted(members) if rng.random() < rate},
            signed=False,
        )
        if any(attestation.aggregation_bits):
            sign_attestation(spec, at, attestation)
            attestations.append(attestation)
    return attestations


def sign_attestation(spec, at, attestation):
    from eth_consensus_specs.test.helpers.attestations import sign_attestation as sign

    sign(spec, at, attestation)


def fill_sync_aggregate(spec, rng, at, aggregate, parent_root):
    rate = rng.choice([0.0, 0.5, 0.9, 1.0])
    indices = compute_committee_indices(at, at.current_sync_committee)
    bits = [rng.random() < rate for _ in indices]
    aggregate.sync_committee_bits = bits
    participants = [index for index, bit in zip(indices, bits, strict=True) if bit]
    aggregate.sync_committee_signature = compute_aggregate_sync_committee_signature(
        spec, at, at.slot - 1, participants, block_root=parent_root
    )


def fill_slashings(spec, rng, at, body):
    active = list(spec.get_active_validator_indices(at, spec.get_current_epoch(at)))
    chosen = [index for index in rng.sample(active, 6) if not at.validators[index].slashed]
    if chosen and rng.random() < 0.7:
        body.proposer_slashings = [
            get_valid_proposer_slashing(spec, at, slashed_index=chosen.pop(), signed_1=True, signed_2=True)
        ]
    if chosen and rng.random() < 0.7:
        indices = sorted(chosen[: rng.randrange(1, 4)])
        slot = int(at.slot) - rng.randrange(1, 20)
        body.attester_slashings = [
            get_valid_attester_slashing_by_indices(spec, at, indices, slot=slot, signed_1=True, signed_2=True)
        ]


def random_address_changes(spec, rng, at):
    able = [i for i, validator in enumerate(at.validators) if validator.withdrawal_credentials[0] == 0]
    able = [i for i in able if i < len(pubkeys) // 2]
    return [
        get_signed_address_change(spec, at, validator_index=index, to_execution_address=bytes([index % 256]) * 20)
        for index in rng.sample(able, min(len(able), rng.randrange(1, 4)))
    ]


def fill_payload(rng, payload):
    payload.gas_used = rng.choice([0, 21000, 30_000_000, 2**64 - 1])
    payload.base_fee_per_gas = rng.choice([0, 7, 2**64, 2**256 - 1])
    payload.extra_data = bytes(rng.randrange(33))
    payload.transactions = [bytes(rng.randrange(1, 80)) for _ in range(rng.randrange(4))]
    payload.block_hash = rng.getrandbits(256).to_bytes(32, "little")


def fill_requests(spec, rng, at, requests):
    count = len(at.validators)
    for _ in range(rng.randrange(3)):
        requests.deposits.append(random_deposit_request(spec, rng, at))
    for _ in range(rng.randrange(3)):
        validator = at.validators[rng.randrange(count)]
        requests.withdrawals.append(
            spec.WithdrawalRequest(
                source_address=request_address(rng, validator),
                validator_pubkey=validator.pubkey,
                amount=rng.choice([0, 0, 1, ETHER, 2**64 - 1]),
            )
        )
    if rng.random() < 0.5:
        source, target = at.validators[rng.randrange(count)], at.validators[rng.randrange(count)]
        if rng.random() < 0.3:
            target = source
        requests.consolidations = [
            spec.ConsolidationRequest(
                source_address=request_address(rng, source), source_pubkey=source.pubkey, target_pubkey=target.pubkey
            )
        ]


def request_address(rng, validator):
    return b"\x13" * 20 if rng.random() < 0.1 else bytes(validator.withdrawal_credentials[12:])


def random_deposit_request(spec, rng, at):
    if rng.random() < 0.5:
        index = rng.randrange(len(at.validators))
        pubkey, privkey = at.validators[index].pubkey, privkeys[min(index, len(privkeys) - 1)]
    else:
        pubkey, privkey = signatures.unused_key(rng, at)
    credentials = bytes([rng.randrange(3)]) + b"\x00" * 11 + b"\x55" * 20
    amount = rng.choice([1, ETHER, 32 * ETHER, 2**64 - 1])
    data = build_deposit_data(spec, pubkey, privkey, amount, credentials, signed=rng.random() < 0.7)
    return spec.DepositRequest(
        pubkey=pubkey,
        withdrawal_credentials=credentials,
        amount=amount,
        signature=data.signature,
        index=rng.choice([0, 7, 2**64 - 1]),
    )


def announce_deposits(spec, rng, state):
    """Makes the state expect deposits of the old kind and returns their data, none for forks that take none."""
    if hasattr(state, "proposer_lookahead"):
        return []
    if hasattr(state, "deposit_requests_start_index") and state.deposit_requests_start_index < 2**63:
        return []
    deposits = []
    for _ in range(rng.randrange(1, 4)):
        if rng.random() < 0.4:
            index = rng.randrange(len(state.validators))
            pubkey, privkey = state.validators[index].pubkey, privkeys[min(index, len(privkeys) - 1)]
        else:
            pubkey, privkey = signatures.unused_key(rng, state)
        credentials = b"\x00" + spec.hash(pubkey)[1:]
        amount = rng.choice([ETHER, 16 * ETHER, 32 * ETHER, 40 * ETHER])
        deposits.append(build_deposit_data(spec, pubkey, privkey, amount, credentials, signed=rng.random() < 0.8))
    for at in range(len(deposits)):
        _, root, _ = deposit_from_context(spec, deposits, at)
    state.eth1_deposit_index = 0
    state.eth1_data.deposit_root = root
    state.eth1_data.deposit_count = len(deposits)
    return deposits
