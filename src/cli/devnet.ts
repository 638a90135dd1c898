/** `cresset devnet`: a local network of nodes, each a process with a folder and a log of its own. */
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { fromHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { type LogLevel, silentLogger } from "../base/log.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import { FORK_NAMES, Fork, type ForkName, isForkName } from "../spec/fork.ts";
import type { PresetName } from "../spec/preset.ts";
import { NetworkFeed } from "../status/network-feed.ts";
import { PageServer } from "../status/page-server.ts";
import { sendBlobsRegularly } from "./devnet-blobs.ts";
import { devnetSpec, withTerminalBlock, writeDevnetFiles } from "./devnet-files.ts";
import { DevnetNode, type NodeLine } from "./devnet-node.ts";
import { Scenario } from "./devnet-scenario.ts";
import {
  type EmbeddedExecution,
  type ExecutionKind,
  knowsOsaka,
  startEmbeddedExecution,
} from "./embedded-execution.ts";
import { executionGenesis, genesisPayloadHeader } from "./execution-genesis.ts";
import { action, EXIT_FAILED, EXIT_OK } from "./exit.ts";
import { loadScenario, type ScenarioStep } from "./scenario-steps.ts";

interface DevnetOptions {
  nodes: number;
  validators: number;
  fork: string;
  preset: PresetName;
  slotTime: number;
  execution: ExecutionKind | "none";
  blobs: number;
  basePort: number;
  dataDir: string;
  logLevel: LogLevel;
  scenario?: string;
  untilFinalized?: number;
}

const MOST_NODES = 32;
/** Ports from the first on: of the network's page, of the nodes for peers, of the nodes' pages. */
const PAGE_PORT = 3;
const PEER_PORT = 10;
const NODE_PAGE_PORT = 50;
/** From the start of the processes to the first slot. */
const START_MS = 12_000;
const LINE_MS = 1_000;

export function registerDevnet(program: Command): void {
  program
    .command("devnet")
    .description("run a local network of nodes with validators")
    .option("--nodes <count>", "nodes", natural, 3)
    .option("--validators <count>", "validators of each node", natural, 64)
    .option("--fork <fork>", "the fork from genesis, or a schedule such as altair=1,bellatrix=2", "fulu")
    .option("--preset <preset>", "minimal or mainnet", "minimal")
    .option("--slot-time <seconds>", "length of a slot", Number, 4)
    .option("--execution <client>", "ethereumjs, geth or none; all nodes share one client", "ethereumjs")
    .option("--blobs <slots>", "slots between two transactions with blobs, from deneb on; 0 for none", natural, 3)
    .option("--base-port <port>", "first of the ports used on loopback", natural, 20_000)
    .option("--data-dir <folder>", "where everything is kept; must be new", ".cache/devnet")
    .option("--log-level <level>", "of the nodes' logs", "info")
    .option("--scenario <file>", "faults by plan, in YAML: see docs/devnet.md")
    .option("--until-finalized <epoch>", "stop with success once every node has finalized it", natural)
    .action(action(run));
}

async function run(options: DevnetOptions): Promise<number> {
  checkOptions(options);
  const folder = resolve(options.dataDir);
  const spec = devnetSpec({ preset: options.preset, slotMs: options.slotTime * 1000, forks: parseForks(options.fork) });
  const steps = stepsOf(options, spec);
  if (existsSync(folder)) throw new UsageError(`${folder} exists: remove it, or give another --data-dir`);
  mkdirSync(folder, { recursive: true });
  const genesisTime = Math.ceil((Date.now() + START_MS + options.nodes * 1000) / 1000);
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stopping.abort());
  const execution = await startExecution(options, spec, folder, genesisTime);
  const nodes: DevnetNode[] = [];
  const stopBlobs = startBlobs(options, spec, genesisTime, execution);
  let page: PageServer | undefined;
  try {
    const files = writeFiles(options, spec, folder, genesisTime, execution);
    for (let index = 0; index < options.nodes; index++)
      nodes.push(createNode(options, { index, folder, files, execution }));
    for (const node of nodes) node.start();
    console.log(
      `${options.nodes} nodes with ${options.validators} validators each in ${folder}; first slot in ${Math.max(0, Math.round(genesisTime - Date.now() / 1000))} s`,
    );
    page = await startPage(options, folder, nodes);
    console.log(`the network's page: ${page.url}`);
    const scenario = new Scenario({ steps, nodes, say: (text) => console.log(text) });
    const currentSlot = (): number => Math.floor((Date.now() - genesisTime * 1000) / (options.slotTime * 1000));
    return await watch(options, { nodes, scenario, currentSlot }, stopping.signal);
  } finally {
    stopBlobs();
    await page?.stop();
    await Promise.all(nodes.map((node) => node.stop()));
    await execution?.stop();
  }
}

function stepsOf({ scenario, nodes }: DevnetOptions, spec: ChainSpec): ScenarioStep[] {
  if (scenario === undefined) return [];
  return loadScenario(scenario, { nodes, slotsPerEpoch: spec.preset.SLOTS_PER_EPOCH });
}

async function startExecution(
  { execution: kind, basePort }: DevnetOptions,
  spec: ChainSpec,
  folder: string,
  genesisTime: number,
): Promise<EmbeddedExecution | undefined> {
  if (kind === "none") return undefined;
  console.log(`starting ${kind}`);
  const genesis = executionGenesis(spec, { genesisTime, hasOsaka: knowsOsaka(kind) });
  const dataDir = join(folder, "execution");
  return startEmbeddedExecution({
    kind,
    dataDir,
    genesis,
    enginePort: basePort + 1,
    rpcPort: basePort + 2,
    log: silentLogger,
  });
}

function startBlobs(
  { blobs: everySlots }: DevnetOptions,
  spec: ChainSpec,
  genesisTime: number,
  execution: EmbeddedExecution | undefined,
): () => void {
  if (execution === undefined || everySlots === 0) return () => {};
  const onError = (error: Error): void => console.error(`could not send blobs: ${error.message}`);
  return sendBlobsRegularly({ spec, genesisTime, execution, everySlots, onError });
}

function writeFiles(
  options: DevnetOptions,
  spec: ChainSpec,
  folder: string,
  genesisTime: number,
  execution: EmbeddedExecution | undefined,
): { configFile: string; genesisFile: string } {
  const fork = forkAtEpoch(spec.config, 0);
  const isMerged = execution !== undefined && fork >= Fork.bellatrix;
  const willMerge = execution !== undefined && !isMerged;
  const rules = willMerge ? withTerminalBlock(spec, fromHex(String(execution.genesisBlock.hash))) : spec;
  return writeDevnetFiles(rules, join(folder, "network"), {
    validatorCount: options.nodes * options.validators,
    genesisTime,
    ...(isMerged && { genesisHeader: genesisPayloadHeader(spec, fork, execution.genesisBlock) }),
  });
}

function createNode(
  options: DevnetOptions,
  parts: {
    index: number;
    folder: string;
    files: { configFile: string; genesisFile: string };
    execution: EmbeddedExecution | undefined;
  },
): DevnetNode {
  const { index, folder, files, execution } = parts;
  const logFile = join(folder, `node-${index}.log`);
  const first = index * options.validators;
  const address = (node: number): string => `/ip4/127.0.0.1/tcp/${options.basePort + PEER_PORT + node}`;
  const peers = Array.from({ length: index }, (_, other) => address(other));
  const pagePort = options.basePort + NODE_PAGE_PORT + index;
  const args = [
    ...["--config", files.configFile, "--genesis-state", files.genesisFile],
    ...["--data-dir", join(folder, `node-${index}`), "--log-file", logFile, "--listen", address(index)],
    ...["--interop-validators", `${first}..${first + options.validators - 1}`, "--graffiti", `cresset devnet ${index}`],
    ...["--log-level", options.logLevel, "--status-port", String(pagePort)],
    ...(peers.length > 0 ? ["--peer", ...peers] : []),
    ...(execution ? ["--execution-endpoint", execution.engineUrl, "--jwt-secret", execution.jwtSecretFile] : []),
  ];
  return new DevnetNode({ index, args, logFile, pageUrl: `http://127.0.0.1:${pagePort}/` });
}

/** All nodes on one page. */
function startPage(
  { basePort, preset, validators }: DevnetOptions,
  folder: string,
  nodes: readonly DevnetNode[],
): Promise<PageServer> {
  const feed = new NetworkFeed(
    nodes.map((node) => ({ name: node.name, pageUrl: node.pageUrl, isRunning: () => node.isRunning })),
  );
  return PageServer.start({
    port: basePort + PAGE_PORT,
    page: "devnet.html",
    read: async () => ({ folder, preset, validatorsPerNode: validators, ...(await feed.read()) }),
    onChange: (listener) => feed.onChange(listener),
    log: silentLogger,
  });
}

/** Shows a line a node until somebody stops it, a node ends by itself, or the goal is reached. */
async function watch(
  { untilFinalized }: DevnetOptions,
  { nodes, scenario, currentSlot }: { nodes: readonly DevnetNode[]; scenario: Scenario; currentSlot: () => number },
  signal: AbortSignal,
): Promise<number> {
  let lastSlot = -1;
  while (!signal.aborted) {
    await sleep(LINE_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    await scenario.onSlot(currentSlot());
    const failed = nodes.find(({ hasFailed }) => hasFailed);
    if (failed !== undefined) {
      console.error(`${failed.name} has ended: see ${failed.logFile}`);
      return EXIT_FAILED;
    }
    const lines = nodes.filter(({ isRunning }) => isRunning).map((node) => ({ node, line: node.lastLine() }));
    const slot = Math.max(-1, ...lines.map(({ line }) => line?.slot ?? -1));
    if (slot === lastSlot) continue;
    lastSlot = slot;
    for (const { node, line } of lines) if (line !== undefined) console.log(formatLine(node.name, line));
    if (untilFinalized === undefined || lines.length === 0 || !scenario.isOver) continue;
    if (lines.every(({ line }) => (line?.finalized ?? -1) >= untilFinalized)) {
      console.log(`every node has finalized epoch ${untilFinalized}`);
      return EXIT_OK;
    }
  }
  return EXIT_OK;
}

function formatLine(name: string, line: NodeLine): string {
  const { slot, head, justified, finalized, peers, execution, rssMiB } = line;
  return `${name}  slot ${slot}  head ${head}  justified ${justified}  finalized ${finalized}  peers ${peers}  execution ${execution}  ${rssMiB} MiB`;
}

/** `fulu` is every fork up to it from genesis; `altair=1,fulu=6` gives epochs, and forks left out never come. */
function parseForks(text: string): Partial<Record<ForkName, number>> {
  if (isForkName(text)) {
    return Object.fromEntries(FORK_NAMES.filter((name) => Fork[name] <= Fork[text]).map((name) => [name, 0]));
  }
  const forks: Partial<Record<ForkName, number>> = {};
  for (const part of text.split(",")) {
    const match = /^([a-z0-9]+)=(\d{1,9})$/.exec(part);
    if (match === null || !isForkName(match[1]!))
      throw new UsageError(`${part} is no fork, nor a fork and its epoch such as altair=1`);
    forks[match[1]] = Number(match[2]);
  }
  return forks;
}

function checkOptions({ nodes, validators, slotTime, preset, execution }: DevnetOptions): void {
  if (!(nodes >= 1 && nodes <= MOST_NODES))
    throw new UsageError(`--nodes is ${nodes}: 1 to ${MOST_NODES} are possible`);
  if (!(validators >= 1)) throw new UsageError(`--validators is ${validators}: at least 1 is needed`);
  if (!(slotTime >= 1 && slotTime <= 60))
    throw new UsageError(`--slot-time is ${slotTime}: 1 to 60 seconds are possible`);
  if (preset !== "minimal" && preset !== "mainnet") throw new UsageError(`--preset is ${preset}: minimal or mainnet`);
  if (!["ethereumjs", "geth", "none"].includes(execution))
    throw new UsageError(`--execution is ${execution}: ethereumjs, geth or none`);
}

function natural(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${text} is no natural number`);
  return Number(text);
}
