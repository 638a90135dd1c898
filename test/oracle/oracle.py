"""
Drives the executable consensus spec (minimal preset) for the differential runs: one process a fork.

Speaks frames over stdin and stdout. A request is a length (4 bytes, little-endian) and JSON; an answer is the same,
its JSON naming under "blobs" the lengths of the byte strings that follow it.

  {"op": "start", "fork": "electra", "seed": 1, "epochShare": 0.2}   -> {"slotsPerEpoch": 8, ...}
  {"op": "next"}                                  -> a case: see Chain.next
  {"op": "files", "id": 7}                        -> blobs: pre-state and post-state of a recent case
"""

import importlib
import json
import struct
import sys
from collections import OrderedDict
from random import Random

import source_tree  # noqa: F401, before the helpers are imported
import faster
import signatures
import stale_views
from blocks import random_block
from eth_consensus_specs.utils.ssz.ssz_impl import serialize
from mutations import mutate
from states import meddle, random_state, stress

KEPT_CASES = 16
MAX_EMPTY_SLOTS = 24
CHAIN_STEPS = 24
MUTATIONS_PER_BLOCK = 3


class Chain:
    """One random chain after another; each step yields a block, mutations of it, and now and then an epoch."""

    def __init__(self, spec, seed, epoch_share):
        self.spec = spec
        self.seed = seed
        self.epoch_share = epoch_share
        self.chains = 0
        self.cases = self.run()
        self.recent = OrderedDict()
        self.count = 0

    def next(self):
        case, blobs, pre, post = next(self.cases)
        case["id"] = self.count
        self.recent[self.count] = (pre, post)
        if len(self.recent) > KEPT_CASES:
            self.recent.popitem(last=False)
        self.count += 1
        return case, blobs

    def files(self, number):
        pre, post = self.recent[number]
        return [serialize(pre), b"" if post is None else serialize(post)]

    def run(self):
        while True:
            rng = Random(f"{self.spec.fork} {self.seed} {self.chains}")
            self.chains += 1
            signatures.trust(rng.random() < 0.6)
            yield from self.run_chain(rng)

    def run_chain(self, rng):
        state = random_state(self.spec, rng)
        reload = True
        for _ in range(CHAIN_STEPS):
            if rng.random() < 0.1:
                meddle(self.spec, rng, state)
                reload = True
            while rng.random() < self.epoch_share:
                yield self.epoch_case(rng, state)
            if rng.random() < 0.15:
                skipped = state.slot + rng.choice([1, 1, 2, 3, self.spec.SLOTS_PER_EPOCH])
                yield self.slots_case(state, skipped, reload)
                self.spec.process_slots(state, skipped)
                reload = False
            pre = state.copy()
            signed, changed = random_block(self.spec, rng, pre)
            case = self.block_case("block", pre, signed, reload or changed)
            yield case
            for _ in range(MUTATIONS_PER_BLOCK):
                # The first case of a pre-state brought it along.
                mutated = self.mutation(rng, pre, signed)
                if mutated is not None:
                    yield mutated
            post = case[3]
            if post is not None:
                state, reload = post.copy(), False
                yield {"kind": "advance", "label": "advance"}, [], pre, post
            else:
                state, reload = pre.copy(), False
                if state.slot < signed.message.slot:
                    yield self.slots_case(state, signed.message.slot, False)
                    self.spec.process_slots(state, signed.message.slot)

    def block_case(self, label, pre, signed, reload):
        post = pre.copy()
        error = attempt(lambda: self.spec.state_transition(post, signed, True))
        blobs = [serialize(signed)] + ([serialize(pre)] if reload else [])
        return self.case("block", label, pre, post, error, blobs)

    def mutation(self, rng, pre, signed):
        mutated = signed.copy()
        label = mutate(self.spec, rng, mutated)
        # A slot far ahead would keep both sides busy for ages.
        if mutated.message.slot > pre.slot + MAX_EMPTY_SLOTS:
            return None
        if rng.random() < 0.85:
            complete(self.spec, pre, mutated)
            label += ", completed"
        return self.block_case(label, pre, mutated, False)

    def slots_case(self, state, slot, reload):
        post = state.copy()
        error = attempt(lambda: self.spec.process_slots(post, slot))
        blobs = [int(slot).to_bytes(8, "little")] + ([serialize(state)] if reload else [])
        return self.case("slots", f"to slot {slot}", state.copy(), post, error, blobs)

    def epoch_case(self, rng, state):
        pre = state.copy()
        last = self.spec.SLOTS_PER_EPOCH - 1
        if pre.slot % self.spec.SLOTS_PER_EPOCH != last:
            self.spec.process_slots(pre, pre.slot - pre.slot % self.spec.SLOTS_PER_EPOCH + last)
        label = stress(self.spec, rng, pre)
        post = pre.copy()
        error = attempt(lambda: self.spec.process_epoch(post))
        return self.case("epoch", label, pre, post, error, [b"", serialize(pre)])

    def case(self, kind, label, pre, post, error, blobs):
        case = {
            "kind": kind,
            "label": label,
            "trusting": signatures.trusting(),
            "error": error,
            "postRoot": "" if error else post.hash_tree_root().hex(),
        }
        return case, blobs, pre, None if error else post


def attempt(action):
    """Any exception is how the spec says no."""
    try:
        action()
        return None
    except Exception as error:
        return f"{type(error).__name__} {error}"[:200]


def complete(spec, pre, signed):
    """Gives a changed block the state root and the signature that its other fields call for, where there are any."""
    block = signed.message
    state = pre.copy()

    def process():
        if state.slot < block.slot:
            spec.process_slots(state, block.slot)
        spec.process_block(state, block)
        block.state_root = state.hash_tree_root()

    attempt(process)
    attempt(lambda: signatures.sign_block(spec, state, signed))


def read(size):
    data = sys.stdin.buffer.read(size)
    if len(data) < size:
        sys.exit(0)
    return data


def answer(body, blobs=()):
    body["blobs"] = [len(blob) for blob in blobs]
    text = json.dumps(body).encode()
    sys.stdout.buffer.write(struct.pack("<I", len(text)) + text + b"".join(blobs))
    sys.stdout.buffer.flush()


def main():
    chain = None
    while True:
        request = json.loads(read(struct.unpack("<I", read(4))[0]))
        if request["op"] == "start":
            spec = importlib.import_module(f"eth_consensus_specs.{request['fork']}.minimal")
            signatures.install(spec)
            faster.install(spec)
            stale_views.install(spec)
            chain = Chain(spec, request["seed"], request["epochShare"])
            answer({"fork": spec.fork, "slotsPerEpoch": int(spec.SLOTS_PER_EPOCH)})
        elif request["op"] == "next":
            answer(*chain.next())
        elif request["op"] == "files":
            answer({}, chain.files(request["id"]))


if __name__ == "__main__":
    main()
