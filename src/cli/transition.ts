/** `cresset transition`: run slots, blocks, epochs, upgrades and their steps on state files. */
import type { Type } from "@chainsafe/ssz";
import { type Command, InvalidArgumentError } from "commander";
import { fromHex } from "../base/bytes.ts";
import { InvalidBlock, UsageError } from "../base/errors.ts";
import { forkEpoch } from "../spec/config.ts";
import type { Deposit, SignedBeaconBlock } from "../spec/containers.ts";
import { processEpoch } from "../spec/epoch/epoch.ts";
import { Fork, type ForkName, forkName, isForkName } from "../spec/fork.ts";
import { initializeBeaconStateFromEth1, isValidGenesisState } from "../spec/genesis.ts";
import { initializeInteropState } from "../spec/interop.ts";
import type { BeaconState } from "../spec/state.ts";
import { processSlots, stateTransition } from "../spec/transition.ts";
import { upgradeTo } from "../spec/upgrade.ts";
import { action } from "./exit.ts";
import { addSpecOptions, forkOption, specOf } from "./options.ts";
import { startProgress } from "./progress.ts";
import { loadInput, numberValue, type TransitionOptions, TransitionRun } from "./transition-run.ts";
import { epochStep, operationStep } from "./transition-steps.ts";

interface StepOptions extends TransitionOptions {
  step?: string;
}

interface GenesisOptions extends TransitionOptions {
  validators?: number;
  deposits?: string[];
  time: number;
  eth1BlockHash?: Uint8Array;
}

export function registerTransition(program: Command): void {
  const transition = program.command("transition").description("run the state transition, or a step of it, on files");
  registerSlots(transition);
  registerBlocks(transition);
  registerEpoch(transition);
  registerUpgrade(transition);
  registerGenesis(transition);
}

function registerSlots(transition: Command): void {
  subcommand(transition, "slots", "advance a state through empty slots")
    .argument("<pre>", "the state")
    .argument("<count>", "how many slots", naturalNumber)
    .action(
      action(async (pre: string, count: number, options: TransitionOptions) => {
        const run = await TransitionRun.start(pre, options);
        const progress = startProgress("slots", count, "slots");
        for (let done = 0; done < count; done++) {
          run.state = processSlots(run.state, run.state.slot + 1, run.transitionOptions);
          progress.update(done + 1);
        }
        progress.stop();
        return run.finish();
      }),
    );
}

function registerBlocks(transition: Command): void {
  subcommand(transition, "block", "apply a signed block, or with --step one operation")
    .argument("<pre>", "the state before")
    .argument("<block>", "a SignedBeaconBlock, or the operation of --step")
    .option("--step <name>", "an operation's name, such as attestation or withdrawals")
    .action(
      action(async (pre: string, block: string, options: StepOptions) => {
        const run = await TransitionRun.start(pre, options);
        const { step } = options;
        return guarded(run, () => (step === undefined ? applyBlock(run, block) : applyOperation(run, step, block)));
      }),
    );
  subcommand(transition, "blocks", "apply signed blocks one after the other")
    .argument("<pre>", "the state before")
    .argument("<blocks...>", "SignedBeaconBlocks in order")
    .action(
      action(async (pre: string, blocks: string[], options: TransitionOptions) => {
        const run = await TransitionRun.start(pre, options);
        const progress = startProgress("blocks", blocks.length, "blocks");
        return guarded(run, async () => {
          for (const [i, block] of blocks.entries()) {
            await applyBlock(run, block);
            progress.update(i + 1);
          }
          progress.stop();
        });
      }),
    );
}

function registerEpoch(transition: Command): void {
  subcommand(transition, "epoch", "end the state's epoch, or with --step run one of the steps")
    .argument("<pre>", "the state in the epoch's last slot")
    .option("--step <name>", "a step's name, such as rewards_and_penalties")
    .action(
      action(async (pre: string, options: StepOptions) => {
        const run = await TransitionRun.start(pre, options);
        const { state } = run;
        const { step } = options;
        return guarded(run, async () => {
          if (step === undefined) processEpoch(state, run.observer);
          else run.observer(step, () => epochStep(step, state.fork).step(state));
        });
      }),
    );
}

function registerUpgrade(transition: Command): void {
  subcommand(transition, "upgrade", "upgrade a state to the next fork")
    .argument("<pre>", "the state")
    .argument("<to>", "the fork to reach, through those between")
    .action(
      action(async (pre: string, to: string, options: TransitionOptions) => {
        if (!isForkName(to)) throw new UsageError(`no fork ${JSON.stringify(to)}`);
        const run = await TransitionRun.start(pre, options);
        if (Fork[to] <= run.state.fork) throw new UsageError(`the state is of ${forkName(run.state.fork)} already`);
        for (let fork = run.state.fork + 1; fork <= Fork[to]; fork++) {
          run.observer(`upgrade_to_${forkName(fork as Fork)}`, () => {
            run.state = upgradeTo(fork as Fork, run.state);
          });
        }
        return run.finish();
      }),
    );
}

function registerGenesis(transition: Command): void {
  subcommand(transition, "genesis", "make a first state, of interop validators or of deposits")
    .option("--validators <count>", "that many validators with the interop keys", naturalNumber)
    .option("--deposits <files...>", "Deposit objects in order")
    .option("--time <seconds>", "genesis time, or the eth1 block's with --deposits", naturalNumber, 0)
    .option("--eth1-block-hash <hash>", "hash of the eth1 block", bytes32)
    .action(
      action(async (options: GenesisOptions) => {
        const run = new TransitionRun(await genesisState(options), options);
        if (!isValidGenesisState(run.state)) console.error("note: the config wants more validators or a later time");
        return run.finish();
      }),
    );
}

async function genesisState(options: GenesisOptions) {
  const spec = specOf(options);
  const fork = forkOption(options) ?? Fork.phase0;
  const { validators, deposits, time, eth1BlockHash } = options;
  if ((validators === undefined) === (deposits === undefined)) {
    throw new UsageError("give one of --validators and --deposits");
  }
  if (validators !== undefined) {
    const hash = eth1BlockHash === undefined ? {} : { eth1BlockHash };
    return initializeInteropState(spec, { validatorCount: validators, genesisTime: time, fork, ...hash });
  }
  const type = spec.types.phase0.Deposit;
  const values: Deposit[] = [];
  for (const file of deposits!) values.push(numberValue(await loadInput(file, "Deposit", options), type));
  return initializeBeaconStateFromEth1(spec, eth1BlockHash ?? new Uint8Array(32), time, values, { fork });
}

async function applyBlock(run: TransitionRun, file: string): Promise<void> {
  const object = await loadInput(file, "SignedBeaconBlock", run.options, blockFork(run.state));
  const block = numberValue<SignedBeaconBlock>(object, numberType(run, object.fork, "SignedBeaconBlock"));
  run.state = stateTransition(run.state, block, run.transitionOptions);
}

async function applyOperation(run: TransitionRun, name: string, file: string): Promise<void> {
  const { typeName, process } = operationStep(name);
  const fork = forkName(run.state.fork);
  const object = await loadInput(file, typeName, run.options, fork);
  const value = numberValue(object, numberType(run, fork, typeName));
  run.observer(name, () => process(run.state, value, run.verifier));
}

/** The fork of a block on this state; undefined where a fork is still to come and the block's slot tells. */
function blockFork(state: BeaconState): ForkName | undefined {
  const next = state.fork + 1;
  const isLast = next > Fork.fulu || !Number.isFinite(forkEpoch(state.spec.config, next as Fork));
  return isLast ? forkName(state.fork) : undefined;
}

/** The type whose values the transition functions take. */
function numberType(run: TransitionRun, fork: ForkName, name: string): Type<unknown> {
  return (run.state.spec.types[fork] as unknown as Record<string, Type<unknown>>)[name]!;
}

async function guarded(run: TransitionRun, work: () => Promise<void>): Promise<number> {
  try {
    await work();
  } catch (error) {
    if (error instanceof InvalidBlock) return run.fail(error);
    throw error;
  }
  return run.finish();
}

function subcommand(parent: Command, name: string, description: string): Command {
  return addSpecOptions(parent.command(name).description(description))
    .option("--post <file>", "write the post-state: .ssz, .ssz_snappy or .json")
    .option("--compare <post>", "compare with this post-state; name the first field and index that differ")
    .option("--explain", "print each step with its time, the pages it touched and the root after it")
    .option("--no-verify-signatures", "take all signatures for valid")
    .option("--threads <count>", "native threads for roots", naturalNumber, 1);
}

function naturalNumber(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError("not a natural number");
  return Number(text);
}

function bytes32(text: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) throw new InvalidArgumentError("not 32 bytes of hexadecimal after 0x");
  return fromHex(text);
}
