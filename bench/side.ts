/** The parent's end of a side's process. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Request } from "./child.ts";
import type { BenchArguments, Clock, Sample } from "./sample.ts";

export type SideName = "cresset" | "lodestar";
type Reply = { ready: true } | { progress: string } | { result: Sample | undefined } | { error: string };

/** The core on which one-core measurements run: the last, because the first serves most interrupts. */
const PINNED_CORE = "1";
const HEAP_MIB = 16_000;
const CHILD = join(import.meta.dirname, "child.ts");

export const canPin: boolean = spawnSync("taskset", ["-c", PINNED_CORE, "true"]).status === 0;

export interface SideOptions {
  /** All of them when absent. */
  cores?: 1;
  clock: Clock;
  onProgress: (text: string) => void;
}

export class Side {
  readonly name: SideName;
  readonly #child: ChildProcess;
  readonly #onProgress: (text: string) => void;
  #settle: { resolve: (sample: Sample | undefined) => void; reject: (error: Error) => void } | undefined;

  private constructor(name: SideName, options: SideOptions) {
    this.name = name;
    this.#onProgress = options.onProgress;
    const node = [process.execPath, "--expose-gc", `--max-old-space-size=${HEAP_MIB}`, CHILD, name, options.clock];
    const [command, ...args] = options.cores === 1 && canPin ? ["taskset", "-c", PINNED_CORE, ...node] : node;
    this.#child = spawn(command!, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (reply: Reply) => this.#onReply(reply));
    this.#child.on("exit", (code) => this.#settle?.reject(new Error(`the process of ${name} ended with code ${code}`)));
  }

  static async open(name: SideName, options: SideOptions): Promise<Side> {
    const side = new Side(name, options);
    await side.#reply();
    return side;
  }

  /** Lets the side prepare for a bench. */
  async start(bench: string, args: BenchArguments): Promise<void> {
    await this.#ask({ start: bench, args });
  }

  /** One run of the bench that was started last. */
  async run(): Promise<Sample> {
    return (await this.#ask({ run: true }))!;
  }

  /** Stops all of the process's threads where they are. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  resume(): void {
    this.#child.kill("SIGCONT");
  }

  close(): void {
    this.#settle = undefined;
    this.#child.kill();
  }

  #ask(request: Request): Promise<Sample | undefined> {
    this.#child.send(request);
    return this.#reply();
  }

  #reply(): Promise<Sample | undefined> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  #onReply(reply: Reply): void {
    if ("progress" in reply) this.#onProgress(reply.progress);
    else if ("error" in reply) this.#settle?.reject(new Error(`${this.name}: ${reply.error}`));
    else this.#settle?.resolve("result" in reply ? reply.result : undefined);
  }
}
