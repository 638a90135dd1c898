/** The command line: one line registers a command of cli/. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { registerBeacon } from "./cli/beacon.ts";
import { registerBench } from "./cli/bench.ts";
import { registerDb } from "./cli/db.ts";
import { registerDemo } from "./cli/demo.ts";
import { registerDevnet } from "./cli/devnet.ts";
import { runProgram } from "./cli/exit.ts";
import { registerForkchoice } from "./cli/forkchoice.ts";
import { registerSlashingProtection } from "./cli/slashing-protection.ts";
import { registerSsz } from "./cli/ssz.ts";
import { registerTransition } from "./cli/transition.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = new Command("cresset")
  .description("An Ethereum consensus client for small ARM boards")
  .version(version);

registerBeacon(program);
registerSsz(program);
registerTransition(program);
registerForkchoice(program);
registerBench(program);
registerDb(program);
registerDevnet(program);
registerDemo(program);
registerSlashingProtection(program);

await runProgram(program, process.argv);
