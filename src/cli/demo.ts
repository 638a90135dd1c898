/** `cresset demo`: what the core does, shown on a real network's genesis state, in under a minute. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { bytesEqual, toHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { createChainSpec } from "../spec/chain-spec.ts";
import { Fork, forkName } from "../spec/fork.ts";
import { BeaconState } from "../spec/state.ts";
import { processSlots } from "../spec/transition.ts";
import { BENCH_PARTS, describeReport, runBench } from "./bench.ts";
import { action, EXIT_FAILED } from "./exit.ts";
import { genesisState, loadNetwork, type Network } from "./networks.ts";

const EPOCHS = 3;
const BENCH_RUNS = 3;
const MIB = 1 << 20;

interface DemoReport {
  network: string;
  bytes: number;
  validators: number;
  decodeMs: number;
  rootMs: number;
  root: string;
  isEncodedAlike: boolean;
  genesisValidatorsRoot: string;
  isExpectedRoot: boolean;
  epochs: { epoch: number; ms: number; root: string }[];
  rssMiB: number;
}

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description("load Sepolia's genesis, advance it, and measure this machine")
    .option("--network <name>", "a built-in network that has a genesis state", "sepolia")
    .option("--no-bench", "leave the measurements out")
    .option("--json", "answer in JSON")
    .action(
      action(async (options: { network: string; bench: boolean; json?: boolean }) => {
        const report = showGenesis(loadNetwork(options.network), options.json ? () => {} : console.log);
        const threads = availableParallelism();
        const bench = options.bench ? await measure(threads, options.json === true) : undefined;
        if (options.json) console.log(JSON.stringify({ ...report, bench }, undefined, 2));
        return report.isEncodedAlike && report.isExpectedRoot ? undefined : EXIT_FAILED;
      }),
    );
}

function showGenesis(network: Network, print: (line: string) => void): DemoReport {
  const bytes = genesisState(network);
  if (!bytes || !network.config) throw new UsageError(`the network ${network.name} comes without a genesis state`);
  const spec = createChainSpec(network.config);
  print(`Cresset on the genesis state of ${network.name}, ${(bytes.length / MIB).toFixed(1)} MiB of SSZ\n`);
  const [genesis, decodeMs] = timed(() => BeaconState.decode(spec, Fork.phase0, bytes));
  print(`decoded into columns        ${ms(decodeMs)}   ${genesis.validators.length} validators`);
  const [root, rootMs] = timed(() => toHex(genesis.hashTreeRoot()));
  print(`hash tree root              ${ms(rootMs)}   ${root}`);
  const [encoded, encodeMs] = timed(() => genesis.encode());
  const isEncodedAlike = bytesEqual(encoded, bytes);
  print(`encoded again               ${ms(encodeMs)}   ${isEncodedAlike ? "the same bytes" : "OTHER BYTES"}`);
  const genesisValidatorsRoot = toHex(genesis.validators.hashTreeRoot());
  const published = network.genesisValidatorsRoot;
  const isExpectedRoot = published === undefined || toHex(published) === genesisValidatorsRoot;
  const verdict = isExpectedRoot ? "as the network has published it" : `NOT ${toHex(published!)}`;
  print(`genesis_validators_root                   ${genesisValidatorsRoot}, ${verdict}`);
  const epochs = advance(genesis, print);
  const rssMiB = process.memoryUsage.rss() / MIB;
  print(`\nThe process holds ${rssMiB.toFixed(0)} MiB.\n`);
  const validators = genesis.validators.length;
  const facts = { decodeMs, rootMs, root, isEncodedAlike, genesisValidatorsRoot, isExpectedRoot, epochs, rssMiB };
  return { network: network.name, bytes: bytes.length, validators, ...facts };
}

function advance(genesis: BeaconState, print: (line: string) => void): DemoReport["epochs"] {
  const { SLOTS_PER_EPOCH } = genesis.spec.preset;
  let state = genesis.clone();
  const epochs: DemoReport["epochs"] = [];
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    const [root, time] = timed(() => {
      state = processSlots(state, epoch * SLOTS_PER_EPOCH);
      return toHex(state.hashTreeRoot());
    });
    const label = `${SLOTS_PER_EPOCH} empty slots to epoch ${epoch}`.padEnd(27);
    print(`${label} ${ms(time)}   ${root} (${forkName(state.fork)})`);
    epochs.push({ epoch, ms: time, root });
  }
  return epochs;
}

async function measure(threads: number, isSilent: boolean) {
  if (!isSilent) console.log("Measuring this machine ...");
  const report = await runBench(BENCH_PARTS, { threads, runs: BENCH_RUNS });
  if (!isSilent) console.log(`\n${describeReport(report)}`);
  return report;
}

function timed<T>(work: () => T): [T, number] {
  const start = performance.now();
  const result = work();
  return [result, performance.now() - start];
}

function ms(time: number): string {
  return `${time.toFixed(1).padStart(8)} ms`;
}
