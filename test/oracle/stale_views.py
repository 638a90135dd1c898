"""
One loop of the executable spec loses writes, for a reason that lies in the library of its lists and not in the rules.

process_registry_updates goes through state.validators, in one view of the list, and ejects validators on the way through
another, newer view. When it later activates a validator it writes through the older view, and the ejections in between
are gone. Here they are noted in the loop and carried out after it, which is what the rules say: nothing else in the loop
looks at an exit of a later epoch.
"""


def install(spec):
    process = spec.process_registry_updates
    initiate = spec.initiate_validator_exit

    def process_registry_updates(state):
        ejected = []
        spec.initiate_validator_exit = lambda _state, index: ejected.append(index)
        try:
            process(state)
        finally:
            spec.initiate_validator_exit = initiate
        for index in ejected:
            initiate(state, index)

    spec.process_registry_updates = process_registry_updates
