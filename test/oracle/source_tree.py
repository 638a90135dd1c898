"""One of the package's test helpers imports another by its place in the spec's source tree; this makes that name work."""

import sys

import eth_consensus_specs.test.helpers.churn as churn

PREFIX = "tests.core.pyspec."

for parent in ("tests", "tests.core", "tests.core.pyspec"):
    sys.modules[parent] = sys.modules["eth_consensus_specs"]
parts = churn.__name__.split(".")
for end in range(1, len(parts) + 1):
    name = ".".join(parts[:end])
    sys.modules[PREFIX + name] = sys.modules[name]
