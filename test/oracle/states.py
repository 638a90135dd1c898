"""Random states of the minimal preset: validators in every stage of life, odd balances, filled queues."""

import signatures
from eth_consensus_specs.test.helpers.deposits import build_deposit_data
from eth_consensus_specs.test.helpers.genesis import create_genesis_state

TOP = 2**64 - 1
ETHER = 10**9


def random_state(spec, rng):
    """A state in the middle of an epoch some way into a chain."""
    count = rng.choice([64, 64, 80, 112])
    state = create_genesis_state(spec, [random_balance(spec, rng) for _ in range(count)], 31 * ETHER)
    period = int(spec.config.SHARD_COMMITTEE_PERIOD)
    epoch = period + rng.randrange(2, 40)
    state.slot = spec.Slot(epoch * spec.SLOTS_PER_EPOCH + spec.SLOTS_PER_EPOCH - 2)
    refresh_lookahead(spec, state)
    spec.process_slots(state, state.slot + 1 + rng.randrange(2, 3 * spec.SLOTS_PER_EPOCH))
    randomize_finality(spec, rng, state)
    randomize_registry(spec, rng, state)
    randomize_participation(spec, rng, state)
    randomize_queues(spec, rng, state)
    refresh_lookahead(spec, state)
    return state


def meddle(spec, rng, state):
    """Changes a state between two blocks in a few places, in ways that leave it sound."""
    for step in rng.sample([randomize_participation, randomize_balances, randomize_queues, randomize_finality], 2):
        step(spec, rng, state)


def stress(spec, rng, state):
    """Prepares the state before an epoch transition; says what was done."""
    label = "epoch"
    for step in (randomize_participation, randomize_finality, randomize_registry, randomize_balances, randomize_queues):
        if rng.random() < 0.6:
            step(spec, rng, state)
            label += f" {step.__name__}"
    if rng.random() < 0.25:
        extreme_integers(spec, rng, state)
        label += " extreme_integers"
    return label


def refresh_lookahead(spec, state):
    if hasattr(state, "proposer_lookahead"):
        state.proposer_lookahead = spec.initialize_proposer_lookahead(state)


def random_balance(spec, rng):
    kind = rng.random()
    if kind < 0.6:
        return 32 * ETHER + rng.randrange(-(2 * ETHER), 2 * ETHER)
    if kind < 0.75 and hasattr(spec, "MAX_EFFECTIVE_BALANCE_ELECTRA"):
        return rng.randrange(32 * ETHER, 2100 * ETHER)
    return 32 * ETHER


def randomize_finality(spec, rng, state):
    current = int(spec.get_current_epoch(state))
    lag = rng.choice([1, 1, 1, 2, 3, 8])
    justified = max(current - lag, 0)
    before = max(justified - rng.choice([0, 1, 1, 2]), 0)
    finalized = max(before - rng.choice([0, 1, 1, 5]), 0)
    state.current_justified_checkpoint = checkpoint(spec, state, justified)
    state.previous_justified_checkpoint = checkpoint(spec, state, before)
    state.finalized_checkpoint = checkpoint(spec, state, finalized)
    state.justification_bits = [rng.random() < 0.6 for _ in range(4)]


def checkpoint(spec, state, epoch):
    first = epoch * int(spec.SLOTS_PER_EPOCH)
    known = first < state.slot <= first + spec.SLOTS_PER_HISTORICAL_ROOT
    return spec.Checkpoint(epoch=epoch, root=spec.get_block_root(state, epoch) if known else b"\x11" * 32)


def randomize_registry(spec, rng, state):
    current = int(spec.get_current_epoch(state))
    for index in range(len(state.validators)):
        kind = rng.random()
        validator = state.validators[index]
        if kind < 0.03:
            validator.exit_epoch = rng.randrange(current - 3, current + 1)
            validator.withdrawable_epoch = validator.exit_epoch + rng.choice([0, 1, 4, 256])
        elif kind < 0.06:
            validator.exit_epoch = current + rng.randrange(1, 6)
            validator.withdrawable_epoch = validator.exit_epoch + spec.config.MIN_VALIDATOR_WITHDRAWABILITY_DELAY
        elif kind < 0.1:
            slash(spec, rng, state, index)
        elif kind < 0.13:
            validator.activation_epoch = spec.FAR_FUTURE_EPOCH
            validator.activation_eligibility_epoch = rng.choice([current, current - 2, TOP, TOP])
        elif kind < 0.15:
            validator.activation_epoch = current + rng.randrange(1, 5)
        elif kind < 0.17:
            validator.effective_balance = rng.choice([0, 16, 17, 31, 32]) * ETHER
        if rng.random() < 0.4:
            randomize_credentials(spec, rng, validator)


def slash(spec, rng, state, index):
    if rng.random() < 0.5:
        spec.slash_validator(state, index)
        return
    validator = state.validators[index]
    validator.slashed = True
    current = int(spec.get_current_epoch(state))
    validator.exit_epoch = min(validator.exit_epoch, current + 1)
    # At half the vector, slashings are settled.
    half = int(spec.EPOCHS_PER_SLASHINGS_VECTOR) // 2
    validator.withdrawable_epoch = current + rng.choice([half, half, half - 1, half + 1, 1])


def randomize_credentials(spec, rng, validator):
    prefix = rng.choice([0, 1, 1, 2, 2] if hasattr(spec, "COMPOUNDING_WITHDRAWAL_PREFIX") else [0, 1, 1, 7])
    if prefix == 0:
        return
    address = rng.getrandbits(160).to_bytes(20, "big")
    validator.withdrawal_credentials = bytes([prefix]) + b"\x00" * 11 + address


def randomize_participation(spec, rng, state):
    rate = rng.choice([0.0, 0.3, 0.66, 0.7, 0.9, 1.0])
    for name in ("previous_epoch_participation", "current_epoch_participation"):
        flags = [7 if rng.random() < rate else rng.randrange(8) for _ in range(len(state.validators))]
        setattr(state, name, flags)
    limit = rng.choice([1, 5, 100, 2**16])
    state.inactivity_scores = [rng.randrange(limit) for _ in range(len(state.validators))]


def randomize_balances(spec, rng, state):
    for index in range(len(state.validators)):
        kind = rng.random()
        if kind < 0.05:
            state.balances[index] = rng.choice([0, 1, ETHER, 15 * ETHER, 33 * ETHER, 2048 * ETHER, 2100 * ETHER])
        elif kind < 0.5:
            state.balances[index] = max(int(state.balances[index]) + rng.randrange(-(2 * ETHER), 2 * ETHER), 0)
    for at in rng.sample(range(len(state.slashings)), 4):
        state.slashings[at] = rng.choice([0, 32, 64, 640]) * ETHER


def randomize_queues(spec, rng, state):
    if not hasattr(state, "pending_deposits"):
        return
    current = int(spec.get_current_epoch(state))
    count = len(state.validators)
    state.deposit_requests_start_index = rng.choice([0, int(state.eth1_deposit_index), TOP])
    state.deposit_balance_to_consume = rng.choice([0, 0, 5 * ETHER, 300 * ETHER])
    state.exit_balance_to_consume = rng.randrange(0, 200 * ETHER)
    state.earliest_exit_epoch = current + rng.randrange(0, 8)
    state.consolidation_balance_to_consume = rng.randrange(0, 200 * ETHER)
    state.earliest_consolidation_epoch = current + rng.randrange(0, 8)
    state.pending_deposits = [random_pending_deposit(spec, rng, state) for _ in range(rng.choice([0, 1, 3, 12]))]
    state.pending_partial_withdrawals = [
        spec.PendingPartialWithdrawal(
            validator_index=rng.randrange(count),
            amount=rng.choice([0, 1, ETHER, 32 * ETHER, 4000 * ETHER]),
            withdrawable_epoch=current + rng.randrange(-2, 4),
        )
        for _ in range(rng.choice([0, 0, 2, 6]))
    ]
    state.pending_consolidations = [
        spec.PendingConsolidation(source_index=rng.randrange(count), target_index=rng.randrange(count))
        for _ in range(rng.choice([0, 0, 1, 4]))
    ]


def random_pending_deposit(spec, rng, state):
    amount = rng.choice([1, ETHER, 32 * ETHER, 33 * ETHER, 2048 * ETHER])
    slot = rng.choice([0, 0, int(state.finalized_checkpoint.epoch * spec.SLOTS_PER_EPOCH), int(state.slot)])
    if rng.random() < 0.6:
        validator = rng.choice(list(state.validators))
        return spec.PendingDeposit(
            pubkey=validator.pubkey,
            withdrawal_credentials=validator.withdrawal_credentials,
            amount=amount,
            signature=b"\xc0" + b"\x00" * 95,
            slot=slot,
        )
    pubkey, privkey = signatures.unused_key(rng, state)
    credentials = bytes([rng.randrange(3)]) + b"\x00" * 11 + b"\x77" * 20
    data = build_deposit_data(spec, pubkey, privkey, amount, credentials, signed=rng.random() < 0.8)
    return spec.PendingDeposit(
        pubkey=pubkey, withdrawal_credentials=credentials, amount=amount, signature=data.signature, slot=slot
    )


def extreme_integers(spec, rng, state):
    """Values that no chain reaches; the spec's arithmetic on them is defined all the same, or refuses."""
    values = [TOP, TOP - 1, 2**63, 2**53, 2**53 + 1, 2**53 - 1, 2**32]
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(state.validators))
        kind = rng.randrange(6)
        if kind == 0:
            state.balances[at] = rng.choice(values)
        elif kind == 1:
            state.inactivity_scores[at] = rng.choice(values)
        elif kind == 2:
            state.slashings[rng.randrange(len(state.slashings))] = rng.choice(values)
        elif kind == 3:
            state.validators[at].withdrawable_epoch = rng.choice(values)
        elif kind == 4:
            state.validators[at].activation_eligibility_epoch = rng.choice(values)
        elif hasattr(state, "pending_deposits"):
            # Cresset holds these two as numbers: exact up to 2**53, far above all the stake there is.
            state.deposit_balance_to_consume = rng.choice([TOP, TOP - 1, 2**52, 2**32])
            state.exit_balance_to_consume = rng.choice([2**52, 2**32])
