/**
 * Random valid and mutated blocks, slots and epochs of every fork from altair on, through the executable spec and through
 * Cresset: the same post-state root, or both refuse.
 *
 * CRESSET_ORACLE_SEED chooses the seed (1 otherwise, so that a run can be repeated), CRESSET_ORACLE_BLOCKS the blocks of
 * each fork, CRESSET_ORACLE_EPOCHS how likely another epoch is before each block (0.2; towards 1 for epochs above all).
 * A case that differs is saved under .cache/oracle-failures, for `cresset transition block` to replay.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { DecodeError, InvalidBlock } from "../../src/base/errors.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { processEpoch } from "../../src/spec/epoch/epoch.ts";
import { Fork, type ForkName } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { immediateVerifier, trustingVerifier } from "../../src/spec/signature-sets.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { processSlots, stateTransition } from "../../src/spec/transition.ts";
import { ExecutableSpec, type OracleCase, oraclePython } from "./executable-spec.ts";

const FORKS: ForkName[] = ["altair", "bellatrix", "capella", "deneb", "electra", "fulu"];
const MAIN = resolve(import.meta.dirname, "../../src/main.ts");
const FAILURES = resolve(import.meta.dirname, "../../.cache/oracle-failures");
const seed = Number(process.env.CRESSET_ORACLE_SEED ?? 1);
const blocksPerFork = Number(process.env.CRESSET_ORACLE_BLOCKS ?? 350);
const epochShare = Number(process.env.CRESSET_ORACLE_EPOCHS ?? 0.2);
/** Requests under way: the spec works on the next case while this process checks the last. */
const AHEAD = 3;
/** Every so many cases the encoding is compared too, which the root stands for. */
const ENCODING_EVERY = 25;
/** Behind the genesis time and the root of the first validators. */
const STATE_SLOT_OFFSET = 40;

const spec = createChainSpec(MINIMAL_CONFIG);
const found = oraclePython();

describe("differential runs against the executable spec", { concurrency: 2 }, () => {
  for (const fork of FORKS) {
    const options = "absent" in found ? { skip: found.absent } : {};
    test(`${fork}, seed ${seed}: ${blocksPerFork} blocks`, options, async () => {
      assert.ok("python" in found);
      const oracle = new ExecutableSpec(found.python);
      try {
        await runFork(oracle, fork);
      } finally {
        oracle.stop();
      }
    });
  }
});

test("a saved case is replayed by the command line", "absent" in found ? { skip: found.absent } : {}, async () => {
  assert.ok("python" in found);
  const oracle = new ExecutableSpec(found.python);
  try {
    await oracle.start("electra", seed, 0.5);
    for (const kind of ["block", "slots", "epoch"]) {
      let oracleCase = await oracle.next();
      while (oracleCase.kind !== kind || oracleCase.error !== null) oracleCase = await oracle.next();
      const { folder, replay } = await saveCase(oracle, "electra", oracleCase, "none: saved to try the replay");
      const run = spawnSync(process.execPath, [MAIN, ...replay], { encoding: "utf8" });
      assert.equal(run.status, 0, run.stderr);
      rmSync(folder, { recursive: true });
    }
  } finally {
    oracle.stop();
  }
});

interface Tally {
  blocks: number;
  accepted: number;
  epochs: number;
  slots: number;
  failures: string[];
}

async function runFork(oracle: ExecutableSpec, fork: ForkName): Promise<void> {
  const tally: Tally = { blocks: 0, accepted: 0, epochs: 0, slots: 0, failures: [] };
  const chain = new Chain(fork);
  const started = performance.now();
  await oracle.start(fork, seed, epochShare);
  const ahead = Array.from({ length: AHEAD }, () => oracle.next());
  while (tally.blocks < blocksPerFork && tally.failures.length < 5) {
    const oracleCase = await ahead.shift()!;
    ahead.push(oracle.next());
    const problem = chain.check(oracleCase);
    count(tally, oracleCase);
    if (problem !== undefined) tally.failures.push(await saveFailure(oracle, fork, oracleCase, problem));
  }
  for (const pending of ahead) await pending;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const { blocks, accepted, epochs, slots } = tally;
  console.log(
    `${fork}: ${blocks} blocks (${accepted} valid, ${blocks - accepted} refused), ${epochs} epochs, ` +
      `${slots} runs of slots, seed ${seed}, ${seconds} s`,
  );
  assert.deepEqual(tally.failures, []);
  assert.ok(accepted > blocks / 4, "too few of the blocks were valid to say much");
}

function count(tally: Tally, { kind, error }: OracleCase): void {
  if (kind === "block") tally.blocks++;
  if (kind === "block" && error === null) tally.accepted++;
  if (kind === "epoch") tally.epochs++;
  if (kind === "slots") tally.slots++;
}

/** Follows the spec's chain with states of its own, cloned for each case, so that what clones share is tested too. */
class Chain {
  readonly #fork: ForkName;
  #state: BeaconState | undefined;
  /** The post-state of the last unmutated block. */
  #next: BeaconState | undefined;
  #cases = 0;

  constructor(fork: ForkName) {
    this.#fork = fork;
  }

  /** @returns how Cresset and the spec differ, or undefined */
  check(oracleCase: OracleCase): string | undefined {
    const { kind, pre } = oracleCase;
    if (kind === "advance") {
      this.#replace(this.#next);
      this.#next = undefined;
      return undefined;
    }
    const decoded = pre && BeaconState.decode(spec, Fork[this.#fork], pre);
    if (decoded && ++this.#cases % ENCODING_EVERY === 0 && toHex(decoded.encode()) !== toHex(pre)) return "encoding";
    // An epoch is tried on a state aside; blocks and slots go on from the state they bring.
    if (decoded && kind !== "epoch") this.#replace(decoded);
    const source = kind === "epoch" ? decoded : this.#state;
    // After a failure there is no state to go on from until the spec sends one.
    if (source === undefined) return undefined;
    const outcome = this.#apply(source.clone(), oracleCase);
    if (kind === "epoch") source.drop();
    return this.#compare(outcome, oracleCase);
  }

  #apply(state: BeaconState, { kind, input, trusting }: OracleCase): BeaconState | Error {
    const verifier = trusting ? trustingVerifier : immediateVerifier;
    try {
      if (kind === "epoch") processEpoch(state);
      else if (kind === "slots") return processSlots(state, slotOf(input));
      else return stateTransition(state, forkTypes(state).SignedBeaconBlock.deserialize(input), { verifier });
      return state;
    } catch (error) {
      state.drop();
      return error as Error;
    }
  }

  #compare(outcome: BeaconState | Error, { kind, label, error, postRoot }: OracleCase): string | undefined {
    if (outcome instanceof Error) {
      if (!(outcome instanceof InvalidBlock || outcome instanceof DecodeError))
        return `not an answer: ${outcome.stack}`;
      return error === null ? `Cresset refuses: ${outcome.message}` : undefined;
    }
    if (error !== null) {
      outcome.drop();
      return `Cresset accepts; the spec: ${error}`;
    }
    const root = Buffer.from(outcome.hashTreeRoot()).toString("hex");
    const problem = root === postRoot ? undefined : `root ${root}, the spec's ${postRoot}`;
    if (kind === "slots") this.#replace(outcome);
    else if (kind === "block" && label === "block") {
      this.#next?.drop();
      this.#next = outcome;
    } else outcome.drop();
    return problem;
  }

  #replace(state: BeaconState | undefined): void {
    this.#state?.drop();
    this.#state = state;
  }
}

async function saveFailure(oracle: ExecutableSpec, fork: ForkName, oracleCase: OracleCase, problem: string) {
  const { folder, replay } = await saveCase(oracle, fork, oracleCase, problem);
  const { kind, label } = oracleCase;
  return `${kind} (${label}): ${problem}; saved in ${folder}, again by bin/cresset ${replay.join(" ")}`;
}

/** Saves a case with the command that replays it. */
async function saveCase(oracle: ExecutableSpec, fork: ForkName, oracleCase: OracleCase, problem: string) {
  const folder = join(FAILURES, `${fork}-${seed}-${oracleCase.id}`);
  const { pre, post } = await oracle.files(oracleCase.id);
  mkdirSync(folder, { recursive: true });
  const { input, pre: _, ...meta } = oracleCase;
  writeFileSync(join(folder, "pre.ssz"), pre);
  if (oracleCase.kind === "block") writeFileSync(join(folder, "block.ssz"), input);
  if (post.length > 0) writeFileSync(join(folder, "post.ssz"), post);
  const replay = replayArguments(fork, { ...oracleCase, pre }, folder);
  const facts = { fork, seed, problem, ...meta, replay: `bin/cresset ${replay.join(" ")}` };
  writeFileSync(join(folder, "meta.json"), `${JSON.stringify(facts, null, 2)}\n`);
  return { folder, replay };
}

function replayArguments(fork: ForkName, { kind, input, error, trusting, pre }: OracleCase, folder: string): string[] {
  const inputs = {
    block: [join(folder, "block.ssz")],
    slots: kind === "slots" ? [String(slotOf(input) - slotOf(pre!.subarray(STATE_SLOT_OFFSET)))] : [],
    epoch: [],
    advance: [],
  }[kind];
  return [
    ...["transition", kind, join(folder, "pre.ssz"), ...inputs, "--preset", "minimal", "--fork", fork],
    ...(kind === "block" && trusting ? ["--no-verify-signatures"] : []),
    ...(error === null ? ["--compare", join(folder, "post.ssz")] : []),
  ];
}

function slotOf(input: Uint8Array): number {
  return Number(new DataView(input.buffer, input.byteOffset).getBigUint64(0, true));
}
