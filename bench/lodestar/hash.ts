import { randomFillSync } from "node:crypto";
import { hashInto } from "@chainsafe/hashtree";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";

const PAIRS = 1 << 14;
const REPEATS = 64;
const NS_PER_MS = 1e6;

/** Tree nodes in bulk: a megabyte of them over and over. */
export const hashBench: Bench = () => {
  const input = new Uint8Array(randomFillSync(new Uint8Array(PAIRS * 64)));
  const output = new Uint8Array(PAIRS * 32);
  return () => {
    const ms = timed(() => {
      for (let i = 0; i < REPEATS; i++) hashInto(input, output);
    });
    return { figures: { hash: (ms * NS_PER_MS) / (PAIRS * REPEATS) } };
  };
};
