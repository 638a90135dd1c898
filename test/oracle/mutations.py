"""Changes one place of a block: a number to an extreme, a bit, an order, a length."""

from remerkleable.basic import boolean, uint
from remerkleable.bitfields import Bitlist, Bitvector
from remerkleable.byte_arrays import ByteList, ByteVector
from remerkleable.complex import Container, List, Vector

OPERATIONS = (
    "proposer_slashings attester_slashings attestations deposits voluntary_exits sync_aggregate "
    "execution_payload bls_to_execution_changes execution_requests blob_kzg_commitments"
).split()


def mutate(spec, rng, signed):
    """Changes the signed block in place and says where."""
    body = signed.message.body
    names = [name for name in OPERATIONS if hasattr(body, name)]
    choice = rng.random()
    if choice < 0.08:
        return change(rng, signed, "signed")
    if choice < 0.25:
        return change(rng, signed.message, "block")
    if choice < 0.35:
        return change(rng, body, "body")
    filled = [name for name in names if not isinstance(getattr(body, name), List) or len(getattr(body, name)) > 0]
    name = rng.choice(filled or names)
    return change(rng, getattr(body, name), name)


def change(rng, view, path):
    """Walks down to a random place. The view must be one whose changes reach its parent."""
    if isinstance(view, Container):
        name = rng.choice(list(type(view).fields()))
        child = getattr(view, name)
        if is_leaf(child):
            setattr(view, name, changed(rng, child))
            return f"{path}.{name}"
        return change(rng, child, f"{path}.{name}")
    if isinstance(view, (List, Vector)):
        return change_sequence(rng, view, path)
    return path


def change_sequence(rng, view, path):
    if isinstance(view, List) and (len(view) == 0 or rng.random() < 0.45):
        return f"{path} {reshape(rng, view)}"
    at = rng.randrange(len(view))
    if is_leaf(view[at]):
        view[at] = changed(rng, view[at])
        return f"{path}[{at}]"
    return change(rng, view[at], f"{path}[{at}]")


def reshape(rng, view):
    element = type(view).element_cls()
    has_room = len(view) < type(view).limit()
    if len(view) == 0:
        if has_room:
            view.append(element.default(None))
        return "default added"
    kind = rng.choice(["remove", "repeat", "swap", "add", "empty"])
    if kind == "remove":
        at = rng.randrange(len(view))
        kept = [copied(view[i]) for i in range(len(view)) if i != at]
        refill(view, kept)
    elif kind == "repeat" and has_room:
        view.append(copied(view[rng.randrange(len(view))]))
    elif kind == "swap":
        first, second = rng.randrange(len(view)), rng.randrange(len(view))
        one, other = copied(view[first]), copied(view[second])
        view[first] = other
        view[second] = one
    elif kind == "add" and has_room:
        view.append(element.default(None))
    elif kind == "empty":
        refill(view, [])
    return kind


def refill(view, items):
    while len(view) > 0:
        view.pop()
    for item in items:
        view.append(item)


def copied(item):
    return item if is_leaf(item) else item.copy()


def is_leaf(value):
    return isinstance(value, (boolean, uint, ByteVector, ByteList, Bitlist, Bitvector))


def changed(rng, value):
    if isinstance(value, boolean):
        return type(value)(not value)
    if isinstance(value, uint):
        return changed_number(rng, value)
    if isinstance(value, (Bitlist, Bitvector)):
        return changed_bits(rng, value)
    data = bytearray(value)
    if isinstance(value, ByteList):
        if len(data) < type(value).limit():
            data.append(rng.randrange(256))
        else:
            data.pop()
        return type(value)(bytes(data))
    kind = rng.randrange(4)
    if kind == 0:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        data = bytearray(len(data))
    elif kind == 2:
        data = bytearray([192] + [0] * (len(data) - 1))
    else:
        data = bytearray(rng.getrandbits(8) for _ in range(len(data)))
    return type(value)(bytes(data))


def changed_number(rng, value):
    top = 2 ** (8 * type(value).type_byte_length()) - 1
    near = [int(value) + delta for delta in (-9, -8, -2, -1, 1, 2, 8, 9, 32)]
    far = [0, 1, top, top - 1, top // 2, top // 2 + 1, 2**53, 2**53 - 1, 2**53 + 1, 2**32, rng.getrandbits(64)]
    number = rng.choice(near if rng.random() < 0.6 else far)
    return type(value)(min(max(number, 0), top))


def changed_bits(rng, value):
    bits = list(value)
    kind = rng.randrange(5)
    if kind == 0 and isinstance(value, Bitlist) and len(bits) > 0:
        bits.pop()
    elif kind == 1 and isinstance(value, Bitlist) and len(bits) < type(value).limit():
        bits.append(rng.random() < 0.5)
    elif kind == 2:
        bits = [False] * len(bits)
    elif len(bits) > 0:
        at = rng.randrange(len(bits))
        bits[at] = not bits[at]
    return type(value)(bits)
