/**
 * Chains that justify and finalize.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/finality/README.md
 */
import { runBlocks } from "./blocks.ts";
import { runVectors } from "./vectors.ts";

runVectors("finality", { finality: (vector) => runBlocks(vector) });
