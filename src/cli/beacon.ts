/** `cresset beacon`: a beacon node, with validators in the same process where they are given. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { type Command, Option } from "commander";
import { fromHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { createLogger, LOG_LEVELS, type LogLevel } from "../base/log.ts";
import { loadJwtSecret } from "../chain/engine/jwt.ts";
import { action, EXIT_OK } from "./exit.ts";
import { startNode } from "./node.ts";
import { NodeFaults } from "./node-faults.ts";
import { addSpecOptions, type SpecOptions, specOf } from "./options.ts";

interface BeaconOptions extends SpecOptions {
  dataDir: string;
  genesisState: string;
  executionEndpoint: string[];
  jwtSecret?: string;
  listen: string[];
  peer: string[];
  interopValidators?: [number, number];
  feeRecipient: Uint8Array;
  graffiti: Uint8Array;
  statusPort?: number;
  statusAddress: string;
  clockOffset: number;
  parent?: boolean;
  logLevel: LogLevel;
  logFile?: string;
}

const GENESIS_TIME_BYTES = 8;
const MAX_PORT = 65_535;
const STOP_MS = 20_000;

export function registerBeacon(program: Command): void {
  addSpecOptions(program.command("beacon").description("run a beacon node"))
    .requiredOption("--data-dir <folder>", "where chain, keys of the network and slashing protection are kept")
    .requiredOption("--genesis-state <file>", "the network's genesis state, in SSZ")
    .option(
      "--execution-endpoint <url...>",
      "Engine API of execution clients; without any, payloads are not checked",
      [],
    )
    .option("--jwt-secret <file>", "the secret shared with the execution clients")
    .option("--listen <multiaddr...>", "where peers reach this node", ["/ip4/127.0.0.1/tcp/9000"])
    .option("--peer <multiaddr...>", "peers to stay connected with", [])
    .option("--interop-validators <range>", "well-known keys of test networks, such as 0..63", interopRange)
    .option("--fee-recipient <address>", "where the fees of proposals go", address, new Uint8Array(20))
    .option("--graffiti <text>", "at most 32 bytes for blocks", graffiti, new Uint8Array(32))
    .option("--status-port <port>", "serve a page that shows how the node is", port)
    .option("--status-address <address>", "where that page is served", "127.0.0.1")
    .addOption(new Option("--clock-offset <ms>", "run ahead of the clock").argParser(Number).default(0).hideHelp())
    .addOption(new Option("--parent", "end with the parent process, and take faults from it").hideHelp())
    .option("--log-level <level>", LOG_LEVELS.join(", "), "info")
    .option("--log-file <file>", "append JSON lines to a file instead of stdout")
    .action(action(run));
}

async function run(options: BeaconOptions): Promise<number> {
  const spec = specOf(options);
  const { dataDir, logLevel: level, logFile, genesisState } = options;
  const log = createLogger({ level, ...(logFile !== undefined && { file: logFile }) });
  if (options.executionEndpoint.length > 0 && options.jwtSecret === undefined) {
    throw new UsageError(
      "--execution-endpoint needs --jwt-secret: the file that the execution client was started with",
    );
  }
  const faults = options.parent ? faultsFromParent() : undefined;
  const node = await startNode({
    ...{ spec, dataDir, log, listen: options.listen, peers: options.peer },
    genesis: () => readFileSync(genesisState),
    genesisTime: genesisTimeOf(genesisState),
    executionUrls: options.executionEndpoint,
    ...(options.jwtSecret !== undefined && { jwtSecret: loadJwtSecret(options.jwtSecret, log) }),
    ...(options.interopValidators && { interopValidators: options.interopValidators }),
    ...{ feeRecipient: options.feeRecipient, graffiti: options.graffiti },
    ...{ clockOffsetMs: options.clockOffset, ...(faults && { faults }) },
    ...(options.statusPort !== undefined && {
      statusPage: { port: options.statusPort, address: options.statusAddress },
    }),
  });
  const signals = options.parent ? (["SIGTERM"] as const) : (["SIGINT", "SIGTERM"] as const);
  // A terminal sends Ctrl-C to a network's nodes as well: they wait until the network stops them.
  if (options.parent) process.on("SIGINT", () => {});
  const signal = await new Promise<string>((resolve) => {
    for (const name of signals) process.once(name, () => resolve(name));
  });
  log.info({ signal }, "stopping");
  // A second signal, or a part that does not end, must not keep the process.
  for (const name of signals) process.once(name, () => process.exit(130));
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await node.stop();
  log.info("stopped");
  return EXIT_OK;
}

/** A network whose process is gone leaves no nodes behind. */
function faultsFromParent(): NodeFaults {
  const faults = new NodeFaults();
  process.on("message", (message) => faults.apply(message));
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  return faults;
}

/** The first field of a state, which may be of many megabytes. */
function genesisTimeOf(path: string): number {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(GENESIS_TIME_BYTES);
    if (readSync(file, bytes, 0, bytes.length, 0) < bytes.length)
      throw new UsageError(`${path} is no state: too short`);
    return Number(bytes.readBigUInt64LE());
  } finally {
    closeSync(file);
  }
}

function interopRange(text: string): [number, number] {
  const match = /^(\d{1,7})\.\.(\d{1,7})$/.exec(text);
  if (match === null || Number(match[1]) > Number(match[2])) throw new UsageError(`${text} is no range such as 0..63`);
  return [Number(match[1]), Number(match[2])];
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > MAX_PORT) throw new UsageError(`${text} is no port: 0 to ${MAX_PORT}`);
  return Number(text);
}

function address(text: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new UsageError(`${text} is no address: 0x and 40 hexadecimal digits`);
  return fromHex(text.toLowerCase());
}

function graffiti(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > 32) throw new UsageError(`graffiti of ${bytes.length} bytes: 32 are allowed`);
  const out = new Uint8Array(32);
  out.set(bytes);
  return out;
}
