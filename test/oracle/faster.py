"""
Makes the executable spec several times faster without changing what it computes: answers that depend on a class or a
position alone are kept, and advancing the same state to the same slot again takes the result of the first time.
"""

from functools import lru_cache
from typing import _ProtocolMeta

from remerkleable.complex import Container
from remerkleable.core import ViewMeta
from remerkleable.tree import Node

KEPT_ADVANCES = 64


def install(spec):
    Container.fields = classmethod(lru_cache(maxsize=None)(Container.fields.__func__))
    Container.tree_depth = classmethod(lru_cache(maxsize=None)(Container.tree_depth.__func__))
    Container.item_elem_cls = classmethod(lru_cache(maxsize=None)(Container.item_elem_cls.__func__))
    Node.getter = getter
    ViewMeta.__instancecheck__ = is_instance
    spec.process_slots = remembered(spec, spec.process_slots)


@lru_cache(maxsize=1 << 18)
def path_bits(gindex):
    return tuple(bit == "1" for bit in bin(gindex)[3:])


def getter(self, target):
    node = self
    for bit in path_bits(target):
        node = node.get_right() if bit else node.get_left()
    return node


def is_instance(cls, value):
    if type.__instancecheck__(cls, value):
        return True
    return _ProtocolMeta.__instancecheck__(cls, value) if getattr(cls, "_is_protocol", False) else False


def remembered(spec, process_slots):
    known = {}

    def process(state, slot):
        key = (bytes(state.hash_tree_root()), int(slot))
        if key not in known:
            process_slots(state, slot)
            if len(known) >= KEPT_ADVANCES:
                known.pop(next(iter(known)))
            known[key] = state.get_backing()
        else:
            state.set_backing(known[key])

    return process
