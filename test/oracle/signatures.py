"""
Signatures of the executable spec: memoized, and switched off where the other side trusts them too.

Deposits are always checked for real: an invalid signature there does not make a block invalid, it makes a deposit void,
and the rules that follow depend on it.
"""

from functools import lru_cache

from eth_consensus_specs.test.helpers.keys import privkeys, pubkey_to_privkey, pubkeys
from eth_consensus_specs.utils import bls

STUB = b"\x11" * 96
CACHED = 1 << 16

_trusting = False
_deposit_roots = set()


def install(spec):
    """Replaces the functions that the spec's module reaches for; called once."""
    bls.bls_active = True
    compute_signing_root = spec.compute_signing_root

    def recording_signing_root(ssz_object, domain):
        root = compute_signing_root(ssz_object, domain)
        if bytes(domain[:4]) == bytes(spec.DOMAIN_DEPOSIT):
            _deposit_roots.add(bytes(root))
        return root

    spec.compute_signing_root = recording_signing_root
    bls.Sign = _signer(bls.Sign)
    bls.Verify = _checker(bls.Verify)
    bls.FastAggregateVerify = _checker(bls.FastAggregateVerify)
    bls.AggregatePKs = _over_bytes(bls.AggregatePKs)
    bls.Aggregate = _aggregator(bls.Aggregate)


def trust(value):
    global _trusting
    _trusting = value


def trusting():
    return _trusting


def _frozen(value):
    if isinstance(value, int):
        return int(value)
    return bytes(value) if isinstance(value, (bytes, bytearray)) else tuple(bytes(item) for item in value)


def _over_bytes(function):
    cached = lru_cache(maxsize=CACHED)(function)
    return lambda *args: cached(*(_frozen(arg) for arg in args))


def _signer(sign):
    cached = _over_bytes(sign)
    return lambda key, message: STUB if _trusting and bytes(message) not in _deposit_roots else cached(key, message)


def _checker(check):
    cached = _over_bytes(check)

    def verify(keys, message, signature):
        if _trusting and bytes(message) not in _deposit_roots:
            # No keys are no valid aggregate, whoever is trusted.
            return len(keys) > 0
        return cached(keys, message, signature)

    return verify


def _aggregator(aggregate):
    cached = _over_bytes(aggregate)
    return lambda signatures: STUB if _trusting else cached(signatures)


def sign_block(spec, state, signed):
    """Signs by the proposer that the block names, whoever should propose."""
    proposer = state.validators[signed.message.proposer_index]
    domain = spec.get_domain(state, spec.DOMAIN_BEACON_PROPOSER, spec.compute_epoch_at_slot(signed.message.slot))
    root = spec.compute_signing_root(signed.message, domain)
    signed.signature = bls.Sign(pubkey_to_privkey[proposer.pubkey], root)


def unused_key(rng, state):
    """A key pair far behind those of the validators."""
    at = len(state.validators) + rng.randrange(200, 4000)
    return pubkeys[at], privkeys[at]
