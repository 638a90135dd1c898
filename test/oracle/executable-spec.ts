/**
 * A process that runs the executable spec and makes up cases: oracle.py beside this file tells the frames.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const MAX_ANSWER_BYTES = 64 << 20;

export interface OracleCase {
  id: number;
  /** "advance": the chain goes on from the post-state of the last block without change; nothing to compare. */
  kind: "block" | "slots" | "epoch" | "advance";
  /** What was done to make the case. */
  label: string;
  /** Signatures are not checked, but those of deposits. */
  trusting: boolean;
  /** Why the spec refuses, or null. */
  error: string | null;
  postRoot: string;
  /** The block, or the slot to advance to, or nothing. */
  input: Uint8Array;
  /** The pre-state, where it is not what the cases before it lead to. */
  pre?: Uint8Array;
}

/** The python that can import the executable spec, or why there is none. scripts/setup-oracle makes it. */
export function oraclePython(): { python: string } | { absent: string } {
  const python = process.env.CRESSET_ORACLE_PYTHON ?? join(REPOSITORY, ".cache/oracle/bin/python");
  if (!existsSync(python))
    return { absent: "no executable spec: run scripts/setup-oracle, which needs python and pip" };
  try {
    execFileSync(python, ["-c", "import eth_consensus_specs"], { stdio: "pipe" });
  } catch {
    return { absent: `${python} cannot import eth_consensus_specs` };
  }
  return { python };
}

/** Requests go ahead of their answers, so that both processes work at the same time. */
export class ExecutableSpec {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: ((answer: { body: Record<string, unknown>; blobs: Uint8Array[] }) => void)[] = [];
  readonly #failing: ((error: Error) => void)[] = [];
  #received: Buffer = Buffer.alloc(0);
  #stderr = "";

  constructor(python: string) {
    this.#child = spawn(python, ["-B", join(import.meta.dirname, "oracle.py")], {
      stdio: "pipe",
      env: { ...process.env, PYTHONHASHSEED: "0" },
    });
    this.#child.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk).slice(-4000);
    });
    this.#child.on("close", (code) => this.#fail(new Error(`oracle.py ended with ${code}\n${this.#stderr}`)));
    this.#child.on("error", (error) => this.#fail(error));
  }

  /** @param epochShare how likely one more epoch is tried before each block, below 1 */
  async start(fork: string, seed: number, epochShare: number): Promise<void> {
    await this.#request({ op: "start", fork, seed, epochShare });
  }

  next(): Promise<OracleCase> {
    const answer = this.#request({ op: "next" }).then(({ body, blobs }) => {
      const [input = new Uint8Array(0), pre] = blobs;
      return { ...(body as unknown as OracleCase), input, ...(pre && { pre }) };
    });
    // Asked for ahead of use: a failure is told to whoever comes to wait for the answer.
    answer.catch(() => {});
    return answer;
  }

  /** The states of a recent case as the spec has them; post is empty for one that it refuses. */
  async files(id: number): Promise<{ pre: Uint8Array; post: Uint8Array }> {
    const { blobs } = await this.#request({ op: "files", id });
    return { pre: blobs[0]!, post: blobs[1]! };
  }

  stop(): void {
    this.#child.removeAllListeners("close");
    this.#child.kill();
  }

  #request(body: object): Promise<{ body: Record<string, unknown>; blobs: Uint8Array[] }> {
    const text = Buffer.from(JSON.stringify(body));
    const size = Buffer.alloc(4);
    size.writeUInt32LE(text.length);
    this.#child.stdin.write(Buffer.concat([size, text]));
    return new Promise((done, fail) => {
      this.#waiting.push(done);
      this.#failing.push(fail);
    });
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#receiveAnswer());
  }

  #receiveAnswer(): boolean {
    if (this.#received.length < 4) return false;
    const headSize = this.#received.readUInt32LE(0);
    if (this.#received.length < 4 + headSize) return false;
    const body = JSON.parse(this.#received.toString("utf8", 4, 4 + headSize)) as { blobs: number[] };
    const total = body.blobs.reduce((sum, size) => sum + size, 4 + headSize);
    if (total > MAX_ANSWER_BYTES) throw new Error(`oracle.py announces ${total} bytes`);
    if (this.#received.length < total) return false;
    let at = 4 + headSize;
    const blobs = body.blobs.map((size) => {
      at += size;
      return Uint8Array.from(this.#received.subarray(at - size, at));
    });
    this.#received = this.#received.subarray(total);
    this.#failing.shift();
    this.#waiting.shift()!({ body, blobs });
    return true;
  }

  #fail(error: Error): void {
    for (const fail of this.#failing.splice(0)) fail(error);
    this.#waiting.length = 0;
  }
}
