import { BeaconState } from "../spec/state.ts";
import { type Figure, median, medianTime } from "./bench-measure.ts";

/** What holding a state costs: decoding it with its root, writing it, copying it, and its bytes. */
export function benchState(state: BeaconState, options: { runs: number; threads: number }): Figure[] {
  const { runs, threads } = options;
  const figure = (name: string, value: number, unit = "ms"): Figure => ({ part: "state", name, value, unit, runs });
  const bytes = state.encode();
  const figures = loadTimes(state, bytes, runs, 1).map(([name, value]) => figure(name, value));
  if (threads > 1) {
    for (const [name, value] of loadTimes(state, bytes, runs, threads)) {
      if (name !== "SSZ to columns") figures.push(figure(`${name}, ${threads} threads`, value));
    }
  }
  figures.push(
    figure(
      "columns to SSZ",
      medianTime(runs, () => state.encodeTo(() => {})),
    ),
  );
  figures.push(
    figure(
      "clone",
      medianTime(runs, () => state.clone().drop()),
    ),
  );
  figures.push(figure("memory of pages", state.arena.bytesReserved / 2 ** 20, "MiB"));
  return figures;
}

/** The keys are at hand, as in a node that starts again. */
function loadTimes(state: BeaconState, bytes: Uint8Array, runs: number, threads: number): [string, number][] {
  const decode: number[] = [];
  const root: number[] = [];
  const both: number[] = [];
  const { table } = state.validators.keys;
  for (let run = 0; run <= runs; run++) {
    const start = performance.now();
    const copy = BeaconState.decode(state.spec, state.fork, bytes, { keys: table });
    const decoded = performance.now();
    copy.hashTreeRoot({ threads });
    const end = performance.now();
    copy.drop();
    // The first run warms up.
    if (run === 0) continue;
    decode.push(decoded - start);
    root.push(end - decoded);
    both.push(end - start);
  }
  return [
    ["SSZ to columns", median(decode)],
    ["first root", median(root)],
    ["SSZ to columns with root", median(both)],
  ];
}
