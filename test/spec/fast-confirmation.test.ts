/** https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/fast_confirmation/README.md */
import { runForkChoiceCase } from "./fork-choice-case.ts";
import { runVectors } from "./vectors.ts";

runVectors("fast_confirmation", {
  basic: runForkChoiceCase,
  current_epoch: runForkChoiceCase,
  empty_slots: runForkChoiceCase,
  ffg: runForkChoiceCase,
  is_one_confirmed: runForkChoiceCase,
  previous_epoch: runForkChoiceCase,
  reconfirmation: runForkChoiceCase,
  restart_gu: runForkChoiceCase,
  revert_finality: runForkChoiceCase,
  variables: runForkChoiceCase,
});
