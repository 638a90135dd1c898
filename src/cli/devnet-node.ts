/** A node of a local network: a process with a folder and a log of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import type { NodeFault } from "./node-faults.ts";

export interface DevnetNodeOptions {
  readonly index: number;
  /** Of `cresset beacon`. */
  readonly args: readonly string[];
  readonly logFile: string;
  readonly pageUrl: string;
}

/** What a node's log says of it, a slot at a time. */
export interface NodeLine {
  readonly slot: number;
  readonly head: number;
  readonly justified: number;
  readonly finalized: number;
  readonly peers: number;
  readonly execution: string;
  readonly rssMiB: number;
}

const MAIN = resolve(import.meta.dirname, "../main.ts");
const STOP_MS = 25_000;
/** Of a log, enough for the lines of the last slots. */
const TAIL_BYTES = 65_536;

export class DevnetNode {
  readonly index: number;
  readonly logFile: string;
  readonly pageUrl: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #isMeantToRun = false;
  #isPaused = false;

  constructor({ index, args, logFile, pageUrl }: DevnetNodeOptions) {
    this.index = index;
    this.logFile = logFile;
    this.pageUrl = pageUrl;
    this.#args = args;
  }

  get name(): string {
    return `node ${this.index}`;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** It ended though nobody stopped it. */
  get hasFailed(): boolean {
    return this.#isMeantToRun && !this.isRunning;
  }

  /** @param extra flags for this run alone */
  start(extra: readonly string[] = []): void {
    if (this.isRunning) return;
    this.#isMeantToRun = true;
    this.#isPaused = false;
    const args = [MAIN, "beacon", ...this.#args, ...extra, "--parent"];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    // That a node is gone is seen elsewhere.
    this.#child.on("error", () => {});
  }

  send(fault: NodeFault): void {
    if (this.isRunning && this.#child?.connected) this.#child.send(fault, () => {});
  }

  pause(): void {
    this.#isPaused = true;
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#isPaused = false;
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks it to end, and makes it after a while. */
  async stop(): Promise<void> {
    if (this.#isPaused) this.resume();
    await this.#end("SIGTERM");
  }

  /** Undefined before its first slot. */
  lastLine(): NodeLine | undefined {
    if (!existsSync(this.logFile)) return undefined;
    const lines = tailOf(this.logFile).split("\n");
    const line = lines.findLast((text) => text.startsWith("{") && text.endsWith("}") && text.includes('"following'));
    return line === undefined ? undefined : (JSON.parse(line) as NodeLine);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#isMeantToRun = false;
    const child = this.#child;
    if (!this.isRunning || child === undefined) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** The end of a log, however long it has become. */
function tailOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const read = readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8", 0, read);
  } finally {
    closeSync(file);
  }
}
