import type { Bench } from "../sample.ts";
import { blockBench } from "./block.ts";
import { epochBench } from "./epoch.ts";
import { hashBench } from "./hash.ts";
import { keyBuildBench } from "./key-table.ts";
import { loadBench } from "./load.ts";
import { memoryBench } from "./memory.ts";
import { shuffleBench } from "./shuffle.ts";
import { signatureBench } from "./signatures.ts";

export function benches(emptyMiB: number): Readonly<Record<string, Bench>> {
  return {
    load: loadBench,
    epoch: epochBench,
    block: blockBench,
    shuffle: shuffleBench,
    keys_build: keyBuildBench,
    memory: memoryBench(emptyMiB),
    hash: hashBench,
    signatures: signatureBench,
  };
}
