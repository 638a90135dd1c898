/**
 * Execution clients of test networks, started and stopped with them: ethereumjs, which comes along, and geth where the
 * machine has it. Each listens on the loopback interface alone and talks to no other.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { CressetError, UsageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { loadOrCreateJwtSecret } from "../chain/engine/jwt.ts";
import type { ExecutionGenesis, RpcBlock } from "./execution-genesis.ts";
import { callExecution } from "./execution-rpc.ts";

export type ExecutionKind = "ethereumjs" | "geth";

export interface EmbeddedExecutionOptions {
  readonly kind: ExecutionKind;
  /** Of this client alone: chain, log, and the JWT secret unless one is given. */
  readonly dataDir: string;
  readonly genesis: ExecutionGenesis;
  /** Of the Engine API. */
  readonly enginePort: number;
  /** Of the open JSON-RPC, for transactions. */
  readonly rpcPort: number;
  readonly jwtSecretFile?: string;
  /** `geth` on the path by default. */
  readonly gethPath?: string;
  readonly log: Logger;
  /** Most time until it answers. */
  readonly startTimeoutMs?: number;
  /** Told when it ends though nobody stopped it. */
  readonly onExit?: (reason: string) => void;
}

export interface EmbeddedExecution {
  readonly kind: ExecutionKind;
  readonly engineUrl: string;
  readonly rpcUrl: string;
  readonly jwtSecretFile: string;
  readonly logFile: string;
  readonly pid: number;
  /** Whose header a beacon chain that is merged from the start begins with. */
  readonly genesisBlock: RpcBlock;
  isRunning(): boolean;
  /** Asks it to end, and makes it after ten seconds. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const LOG_TAIL_LINES = 12;
const BLOB_CACHE = new URL("./ethereumjs-blob-cache.ts", import.meta.url).href;

/** Whether geth can be used, by asking it for its version. */
export function findGeth(path = "geth"): boolean {
  const { status } = spawnSync(path, ["version"], { stdio: "ignore", timeout: 10_000 });
  return status === 0;
}

/** Which rules a client can follow: ethereumjs 0.10 ends at prague. */
export function knowsOsaka(kind: ExecutionKind): boolean {
  return kind === "geth";
}

/** Starts a client and waits until it answers. @throws CressetError with the end of its log when it does not */
export async function startEmbeddedExecution(given: EmbeddedExecutionOptions): Promise<EmbeddedExecution> {
  const options = { ...given, dataDir: resolve(given.dataDir) };
  const { kind, dataDir, log } = options;
  mkdirSync(dataDir, { recursive: true });
  const jwtSecretFile = resolve(options.jwtSecretFile ?? join(dataDir, "jwt-secret.hex"));
  loadOrCreateJwtSecret(jwtSecretFile, log);
  const genesisFile = join(dataDir, "genesis.json");
  writeFileSync(genesisFile, JSON.stringify(options.genesis, null, 2));
  const logFile = join(dataDir, `${kind}.log`);
  const command = kind === "geth" ? gethCommand : ethereumjsCommand;
  const child = spawnLogged(command(options, { jwtSecretFile, genesisFile, logFile }), dataDir, logFile);
  const running = superviseChild(child, options, logFile);
  const rpcUrl = `http://127.0.0.1:${options.rpcPort}`;
  try {
    const genesisBlock = await waitForGenesis(rpcUrl, running, options.startTimeoutMs ?? START_TIMEOUT_MS);
    const engineUrl = `http://127.0.0.1:${options.enginePort}`;
    log.info({ pid: child.pid, engineUrl, rpcUrl }, `${kind} answers`);
    return { kind, engineUrl, rpcUrl, jwtSecretFile, logFile, pid: child.pid!, genesisBlock, ...running };
  } catch (error) {
    await running.stop();
    const reason = (error as Error).message;
    throw new CressetError("EXECUTION_START", `${kind} did not start: ${reason}. ${logFile} ends:\n${tailOf(logFile)}`);
  }
}

interface Files {
  readonly jwtSecretFile: string;
  readonly genesisFile: string;
  readonly logFile: string;
}

function ethereumjsCommand(options: EmbeddedExecutionOptions, { jwtSecretFile, genesisFile }: Files): string[] {
  const settings = {
    dataDir: join(options.dataDir, "chain"),
    gethGenesis: genesisFile,
    // Neither peers nor discovery: payloads come from the beacon node alone.
    sync: "none",
    isSingleNode: true,
    discDns: false,
    discV4: false,
    rpc: true,
    rpcAddr: "127.0.0.1",
    rpcPort: options.rpcPort,
    rpcEngine: true,
    rpcEngineAddr: "127.0.0.1",
    rpcEnginePort: options.enginePort,
    jwtSecret: jwtSecretFile,
    logLevel: "info",
    saveReceipts: true,
  };
  const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  // With `--logFile=false` it would write a file of that name; its output is logged already.
  flags.push("--no-logFile");
  return [process.execPath, "--max-old-space-size=512", "--import", BLOB_CACHE, ethereumjsScript(), ...flags];
}

function ethereumjsScript(): string {
  const require = createRequire(import.meta.url);
  try {
    return join(dirname(require.resolve("@ethereumjs/client/package.json")), "dist/esm/bin/cli.js");
  } catch (error) {
    throw new UsageError("the package @ethereumjs/client is not installed", { cause: error });
  }
}

/** Writes the genesis block first: geth does so in a run of its own. */
function gethCommand(options: EmbeddedExecutionOptions, { jwtSecretFile, genesisFile }: Files): string[] {
  const geth = options.gethPath ?? "geth";
  const dataDir = join(options.dataDir, "chain");
  const init = spawnSync(geth, ["init", "--datadir", dataDir, genesisFile], { encoding: "utf8", timeout: 60_000 });
  if (init.error) throw new UsageError(`geth cannot be run: ${init.error.message}`, { cause: init.error });
  if (init.status !== 0) throw new CressetError("EXECUTION_START", `geth refuses the genesis file:\n${init.stderr}`);
  const { chainId } = options.genesis.config;
  const settings: Record<string, unknown> = {
    datadir: dataDir,
    networkid: chainId,
    http: true,
    "http.addr": "127.0.0.1",
    "http.port": options.rpcPort,
    "http.api": "eth,net,web3,txpool",
    "authrpc.addr": "127.0.0.1",
    "authrpc.port": options.enginePort,
    "authrpc.jwtsecret": jwtSecretFile,
    "authrpc.vhosts": "localhost",
    nodiscover: true,
    maxpeers: 0,
    port: 0,
    nat: "none",
    ipcdisable: true,
    syncmode: "full",
    gcmode: "archive",
    cache: 64,
    verbosity: 3,
  };
  return [geth, ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)];
}

function spawnLogged([program, ...flags]: string[], cwd: string, logFile: string): ChildProcess {
  const file = openSync(logFile, "a");
  try {
    return spawn(program!, flags, { cwd, stdio: ["ignore", file, file], env: { ...process.env, NODE_OPTIONS: "" } });
  } finally {
    closeSync(file);
  }
}

function superviseChild(child: ChildProcess, { kind, log, onExit }: EmbeddedExecutionOptions, logFile: string) {
  let isStopping = false;
  let end: string | undefined;
  const ended = new Promise<void>((resolve) => {
    const finish = (reason: string) => {
      if (end !== undefined) return;
      end = reason;
      resolve();
      if (isStopping) return;
      log.error({ logFile }, `${kind} ended: ${reason}`);
      onExit?.(reason);
    };
    child.once("exit", (code, signal) => finish(signal ? `by ${signal}` : `with code ${code}`));
    child.once("error", (error) => finish(error.message));
  });
  const stop = async (): Promise<void> => {
    isStopping = true;
    if (end === undefined) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  };
  return { isRunning: () => end === undefined, stop };
}

async function waitForGenesis(
  url: string,
  { isRunning }: { isRunning: () => boolean },
  timeoutMs: number,
): Promise<RpcBlock> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (!isRunning()) throw new Error("it ended at once");
    try {
      return (await callExecution(url, "eth_getBlockByNumber", ["0x0", false])) as RpcBlock;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function tailOf(file: string): string {
  if (!existsSync(file)) return "(nothing)";
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
