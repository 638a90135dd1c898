import { randomFillSync } from "node:crypto";
import { hashPairs, implementation, implementations, useImplementation } from "../crypto/sha256.ts";
import { shuffleList } from "../crypto/shuffle.ts";
import { type Figure, medianTime } from "./bench-measure.ts";

const PAIRS = 1 << 14;
const NODE_BYTES = 64;
const ROUNDS = 90;

/** Hashing of tree nodes by every implementation that this CPU runs, and the shuffle of a registry. */
export function benchHash(options: { runs: number; threads: number; validators: number }): Figure[] {
  const { runs, threads, validators } = options;
  const chosen = implementation();
  const figures = implementations().map((name) => {
    useImplementation(name);
    return pairFigure(`64 bytes, ${name}`, runs, 1);
  });
  useImplementation(chosen);
  if (threads > 1) figures.push(pairFigure(`64 bytes, ${chosen}, ${threads} threads`, runs, threads));
  figures.push(shuffleFigure(validators, runs));
  return figures;
}

function pairFigure(name: string, runs: number, threads: number): Figure {
  const input = randomFillSync(new Uint8Array(PAIRS * NODE_BYTES));
  const output = new Uint8Array(PAIRS * 32);
  const ms = medianTime(runs, () => hashPairs(input, output, PAIRS, threads));
  return { part: "hash", name, value: (ms * 1e6) / PAIRS, unit: "ns", runs };
}

function shuffleFigure(validators: number, runs: number): Figure {
  const seed = new Uint8Array(32).fill(7);
  const indices = Uint32Array.from({ length: validators }, (_, i) => i);
  const value = medianTime(runs, () => shuffleList(indices, seed, ROUNDS));
  return { part: "hash", name: `shuffle of ${validators} validators`, value, unit: "ms", runs };
}
