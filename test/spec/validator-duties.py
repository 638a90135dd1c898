"""
Writes validator-duties.json: what the executable spec answers, for the pre-states of the reference tests
minimal/FORK/random/random/pyspec_tests/randomized_1, to the questions of validator-duties.test.ts.

    pip install eth-consensus-specs==1.7.0a13
    python test/spec/validator-duties.py VECTORS/tests > test/spec/validator-duties.json
"""

import importlib
import json
import sys
from pathlib import Path

import snappy

FORKS = ["phase0", "altair", "bellatrix", "capella", "deneb", "electra", "fulu"]
CASE = "random/random/pyspec_tests/randomized_1"
SIGNATURES = [bytes([n]) * 96 for n in range(1, 25)]
NODE_IDS = [0, 1, 2**255 + 12345, 2**256 - 1, 51781405571328938149219259614021022118347017557305093857689627172914154745642]
ROOT = bytes(range(32))
KEY = 12345


def hexed(value):
    return "0x" + bytes(value).hex()


def attestation_data(spec, slot):
    epoch = spec.compute_epoch_at_slot(slot)
    return spec.AttestationData(
        slot=slot,
        index=0,
        beacon_block_root=ROOT,
        source=spec.Checkpoint(epoch=0, root=ROOT),
        target=spec.Checkpoint(epoch=epoch, root=ROOT),
    )


def assignments(spec, state):
    found = []
    for epoch in (spec.get_previous_epoch(state), spec.get_current_epoch(state), spec.get_current_epoch(state) + 1):
        for index in range(0, len(state.validators), 7):
            assignment = spec.get_committee_assignment(state, epoch, index)
            if assignment is None:
                found.append([int(epoch), index, None])
                continue
            committee, committee_index, slot = assignment
            found.append([int(epoch), index, [[int(i) for i in committee], int(committee_index), int(slot)]])
    return found


def weak_subjectivity(spec, state):
    periods = []
    for eth in (None, 1, 16, 28, 29, 30, 31, 32):
        changed = state.copy()
        if eth is not None:
            for validator in changed.validators:
                validator.effective_balance = eth * 10**9
        periods.append([eth, int(spec.compute_weak_subjectivity_period(changed))])
    return periods


def eth1(spec, state):
    changed = state.copy()
    start = int(spec.voting_period_start_time(changed))
    follow = int(spec.config.SECONDS_PER_ETH1_BLOCK * spec.config.ETH1_FOLLOW_DISTANCE)
    # Genesis is at time 0, before every candidate: the chain's clock moves instead.
    changed.genesis_time = 10 * follow
    start = int(spec.voting_period_start_time(changed))
    blocks = [
        spec.Eth1Block(timestamp=start - follow * 2 - 1, deposit_root=bytes([1]) * 32, deposit_count=10**6),
        spec.Eth1Block(timestamp=start - follow * 2, deposit_root=bytes([2]) * 32, deposit_count=10**6),
        spec.Eth1Block(timestamp=start - follow - 1, deposit_root=bytes([3]) * 32, deposit_count=10**6),
        spec.Eth1Block(timestamp=start - follow, deposit_root=bytes([4]) * 32, deposit_count=0),
        spec.Eth1Block(timestamp=start - follow + 1, deposit_root=bytes([5]) * 32, deposit_count=10**6),
    ]
    datas = [spec.get_eth1_data(block) for block in blocks]
    votes = []
    for cast in ([], [2, 1], [2, 1, 1], [1, 2], [0, 0, 0, 2], [4, 4, 1], [3, 3]):
        voted = changed.copy()
        voted.eth1_data_votes = [datas[i] for i in cast]
        votes.append([cast, hexed(spec.get_eth1_vote(voted, blocks).hash_tree_root())])
    return {
        "genesisTime": int(changed.genesis_time),
        "periodStart": start,
        "candidates": [bool(spec.is_candidate_block(block, start)) for block in blocks],
        "chain": [[int(b.timestamp), hexed(d.deposit_root), int(d.deposit_count), hexed(d.block_hash)] for b, d in zip(blocks, datas)],
        "votes": votes,
    }


def signatures(spec, state):
    slot = state.slot
    block = spec.BeaconBlock(slot=slot, proposer_index=3, parent_root=ROOT, state_root=ROOT)
    aggregate = spec.Attestation(data=attestation_data(spec, slot))
    proof = spec.get_aggregate_and_proof(state, 5, aggregate, KEY)
    made = {
        "epoch": spec.get_epoch_signature(state, block, KEY),
        "block": spec.get_block_signature(state, block, KEY),
        "attestation": spec.get_attestation_signature(state, attestation_data(spec, slot), KEY),
        "slot": spec.get_slot_signature(state, slot, KEY),
        "selectionProof": proof.selection_proof,
        "aggregateAndProof": spec.get_aggregate_and_proof_signature(state, proof, KEY),
    }
    if hasattr(spec, "get_sync_committee_message"):
        made["syncMessage"] = spec.get_sync_committee_message(state, spec.Root(ROOT), 5, KEY).signature
        contribution = spec.SyncCommitteeContribution(slot=slot, beacon_block_root=ROOT, subcommittee_index=2)
        signed = spec.get_contribution_and_proof(state, 5, contribution, KEY)
        made["contributionSelectionProof"] = signed.selection_proof
        made["contributionAndProof"] = spec.get_contribution_and_proof_signature(state, signed, KEY)
    return {name: hexed(value) for name, value in made.items()}


def sync_committees(spec, state):
    periods = spec.EPOCHS_PER_SYNC_COMMITTEE_PERIOD
    current = spec.get_current_epoch(state)
    boundary = state.copy()
    boundary.slot = (current // periods + 1) * periods * spec.SLOTS_PER_EPOCH - 1
    answer = []
    for at in (state.copy(), boundary):
        # The two committees of these states are the same: tell them apart.
        at.next_sync_committee.pubkeys = list(reversed(list(at.current_sync_committee.pubkeys)))
        epoch = spec.get_current_epoch(at)
        answer.append({
            "slot": int(at.slot),
            "subnets": [sorted(int(s) for s in spec.compute_subnets_for_sync_committee(at, i)) for i in range(0, len(at.validators), 5)],
            "assigned": [[bool(spec.is_assigned_to_sync_committee(at, epoch + e, i)) for e in (0, periods)] for i in range(0, len(at.validators), 5)],
            "subcommittee": [hexed(key) for key in spec.get_sync_subcommittee_pubkeys(at, 1)[:3]],
        })
    return answer


class Recorder:
    def notify_forkchoice_updated(self, head_block_hash, safe_block_hash, finalized_block_hash, payload_attributes):
        self.call = [head_block_hash, payload_attributes]


def payload(spec, state):
    if hasattr(spec, "is_merge_transition_complete") and not spec.is_merge_transition_complete(state):
        return None
    engine = Recorder()
    spec.prepare_execution_payload(state, ROOT, ROOT, bytes([7]) * 20, engine)
    head, attributes = engine.call
    return {
        "headBlockHash": hexed(head),
        "timestamp": int(attributes.timestamp),
        "prevRandao": hexed(attributes.prev_randao),
        "withdrawals": [hexed(w.hash_tree_root()) for w in attributes.withdrawals] if hasattr(attributes, "withdrawals") else None,
        "parentBeaconBlockRoot": hexed(attributes.parent_beacon_block_root) if hasattr(attributes, "parent_beacon_block_root") else None,
    }


def on_chain_aggregate(spec, state):
    data = attestation_data(spec, state.slot)
    signature = spec.get_attestation_signature(state, data, KEY)
    parts = []
    for committee, bits in ((3, [1, 0, 1]), (0, [0, 1, 1, 1, 1]), (2, [1])):
        flags = [i == committee for i in range(spec.MAX_COMMITTEES_PER_SLOT)]
        parts.append(spec.Attestation(aggregation_bits=bits, data=data, signature=signature, committee_bits=flags))
    return hexed(spec.compute_on_chain_aggregate(parts).hash_tree_root())


def answers(fork, tree):
    spec = importlib.import_module(f"eth_consensus_specs.{fork}.minimal")
    path = Path(tree) / "minimal" / fork / CASE / "pre.ssz_snappy"
    state = spec.BeaconState.decode_bytes(snappy.decompress(path.read_bytes()))
    slot = state.slot
    result = {
        "slot": int(slot),
        "assignments": assignments(spec, state),
        "proposers": [i for i in range(len(state.validators)) if spec.is_proposer(state, i)],
        "aggregators": [bool(spec.is_aggregator(state, slot, 0, signature)) for signature in SIGNATURES],
        "subnets": [int(spec.compute_subnet_for_attestation(4, s, c)) for s in (0, 7, 13) for c in (0, 3)],
        "subscribed": [[int(s) for s in spec.compute_subscribed_subnets(n, e)] for n in NODE_IDS for e in (0, 255, 256, 10**6)],
        "weakSubjectivity": weak_subjectivity(spec, state),
        "signatures": signatures(spec, state),
        "minEpochsForBlockRequests": int(spec.compute_min_epochs_for_block_requests()),
    }
    names = ["attestation", "aggregate", "sync_message", "contribution"][: 2 if fork == "phase0" else 4]
    result["dueMs"] = [int(getattr(spec, f"get_{name}_due_ms")()) for name in names]
    if hasattr(spec, "get_eth1_vote"):
        result["eth1"] = eth1(spec, state)
    if fork != "phase0":
        result["syncCommittees"] = sync_committees(spec, state)
        result["syncAggregators"] = [bool(spec.is_sync_committee_aggregator(signature)) for signature in SIGNATURES]
    if hasattr(spec, "prepare_execution_payload"):
        result["payload"] = payload(spec, state)
    if hasattr(spec, "compute_on_chain_aggregate"):
        result["onChainAggregate"] = on_chain_aggregate(spec, state)
    if hasattr(spec, "get_eth1_pending_deposit_count"):
        result["pendingDeposits"] = int(spec.get_eth1_pending_deposit_count(state))
    if hasattr(spec, "get_validators_custody_requirement"):
        every = range(len(state.validators))
        result["custody"] = [int(spec.get_validators_custody_requirement(state, list(every)[:n])) for n in (0, 1, 8, 9, 20, 64)]
    return result


def compact(value):
    return json.dumps(value, separators=(",", ":"))


found = {fork: {name: compact(value) for name, value in answers(fork, sys.argv[1]).items()} for fork in FORKS}
print(json.dumps(found, indent=2))
