import { rmSync } from "node:fs";
import { join } from "node:path";
import { KeyTable } from "../../src/crypto/key-table.ts";
import type { Bench, BenchArguments } from "../sample.ts";
import { timed, timedAsync } from "../stopwatch.ts";
import { preparedState } from "./prepared.ts";

export function tableFolder({ folder, validators }: BenchArguments): string {
  return join(folder, `keys_${validators}`);
}

/** From compressed keys to a table on disk, every key checked; the table stays for the other benches. */
export const keyBuildBench: Bench = (args, report) => {
  const path = tableFolder(args);
  const keys = preparedState(args.stateFile).validators.keys.table.compressed().slice();
  return async () => {
    rmSync(path, { recursive: true, force: true });
    const table = KeyTable.open(path, { write: true });
    let invalid = -1;
    const ms = await timedAsync(async () => {
      invalid = await table.appendValidated(keys, {
        threads: args.threads,
        onProgress: (done, total) => report(`${done} of ${total} keys checked`),
      });
    });
    table.close();
    if (invalid !== 0) throw new Error(`${invalid} keys of the state are invalid`);
    return { figures: { keys_build: ms } };
  };
};

/** The table that the build left, mapped and ready to be asked. */
export const keyOpenBench: Bench = (args) => () => {
  let table: KeyTable | undefined;
  const ms = timed(() => {
    table = KeyTable.open(tableFolder(args));
    table.get(table.length - 1);
  });
  if (table!.length !== args.validators) throw new Error(`the table has ${table!.length} keys`);
  table!.close();
  return { figures: { keys_open: ms } };
};
