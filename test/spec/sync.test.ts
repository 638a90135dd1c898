/** https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/sync/README.md */
import { runForkChoiceCase } from "./fork-choice-case.ts";
import { runVectors } from "./vectors.ts";

runVectors("sync", { optimistic: runForkChoiceCase });
