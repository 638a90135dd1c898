/** https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/fork_choice/README.md */
import { runForkChoiceCase } from "./fork-choice-case.ts";
import { runVectors } from "./vectors.ts";

runVectors("fork_choice", {
  deposit_with_reorg: runForkChoiceCase,
  ex_ante: runForkChoiceCase,
  get_head: runForkChoiceCase,
  get_proposer_head: runForkChoiceCase,
  on_block: runForkChoiceCase,
  on_merge_block: runForkChoiceCase,
  reorg: runForkChoiceCase,
  withholding: runForkChoiceCase,
});
