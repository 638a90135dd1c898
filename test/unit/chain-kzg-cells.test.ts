/** KZG work on its own thread: answers, order, batches of columns, and what ends them. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { VerifierFull } from "../../src/chain/batching-verifier.ts";
import { ColumnVerifier } from "../../src/chain/column-verifier.ts";
import { type CellBatch, KzgCells } from "../../src/chain/kzg-cells.ts";
import { textBlob } from "../../src/cli/devnet-transactions.ts";
import { blobToKzgCommitment } from "../../src/crypto/kzg.ts";
import type { DataColumnSidecar } from "../../src/spec/containers.ts";
import type { CellsAndProofs } from "../../src/spec/das.ts";

const COLUMNS = 128;
const blobs = [textBlob("one"), textBlob("two")];
const commitments = blobs.map((blob) => blobToKzgCommitment(blob));

describe("KZG cells", { timeout: 120_000 }, () => {
  const kzg = new KzgCells();
  let rows: CellsAndProofs[];
  let columns: DataColumnSidecar[];

  before(async () => {
    await kzg.warmUp();
    rows = await Promise.all(blobs.map((blob, k) => kzg.compute(blob, commitments[k]!)));
    columns = Array.from({ length: COLUMNS }, (_, index) => {
      const column = rows.map(([cells]) => cells[index]!);
      const kzgProofs = rows.map(([, proofs]) => proofs[index]!);
      return { index, column, kzgProofs, kzgCommitments: commitments } as unknown as DataColumnSidecar;
    });
  });
  after(async () => await kzg.stop());

  it("computes a blob once, also for those who ask meanwhile", async () => {
    const blob = textBlob("three");
    const commitment = blobToKzgCommitment(blob);
    const [first, second] = await Promise.all([kzg.compute(blob, commitment), kzg.compute(blob, commitment)]);
    assert.equal(first, second);
    assert.equal(await kzg.compute(blob, commitment), first);
    assert.equal(first[0].length, COLUMNS);
  });

  it("recovers all cells from half of them, and fails for cells of no blob", async () => {
    const other = new KzgCells();
    const indices = Array.from({ length: COLUMNS / 2 }, (_, k) => 2 * k);
    const cells = indices.map((index) => rows[0]![0][index]!);
    assert.deepEqual(await other.recover(indices, cells, commitments[0]!), rows[0]);
    await assert.rejects(other.recover(indices.slice(1), cells.slice(1), commitments[1]!), /too few/);
    await other.stop();
  });

  it("checks cells before it computes what was asked for earlier", async () => {
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    const slow = ["four", "five"].map((text) => {
      const blob = textBlob(text);
      return kzg.compute(blob, blobToKzgCommitment(blob)).then(note(text));
    });
    const batch = { commitments: [commitments[0]!], indices: [0], cells: [rows[0]![0][0]!], proofs: [rows[0]![1][0]!] };
    const check = kzg.verify(batch).then(note("check"));
    await Promise.all([...slow, check]);
    assert.deepEqual(order, ["four", "check", "five"]);
  });

  it("checks many columns in one call", async () => {
    let calls = 0;
    const counting = {
      verify: (batch: CellBatch) => {
        calls++;
        return kzg.verify(batch);
      },
    };
    const verifier = new ColumnVerifier(counting);
    const verdicts = await Promise.all(columns.map((column) => verifier.verify(column)));
    assert.deepEqual(verdicts, new Array(COLUMNS).fill(true));
    assert.equal(calls, 1);
  });

  it("finds the wrong ones among right ones", async () => {
    const verifier = new ColumnVerifier(kzg);
    const bad = new Set([3, 40, 41, 127]);
    const mixed = columns.map((column, k) => (bad.has(k) ? { ...column, kzgProofs: commitments } : column));
    const verdicts = await Promise.all(mixed.map((column) => verifier.verify(column)));
    assert.deepEqual(
      verdicts.flatMap((isValid, k) => (isValid ? [] : [k])),
      [...bad],
    );
  });

  it("refuses what is too much, and lets nobody wait who asked when it stops", async () => {
    const busy = new KzgCells();
    const verifier = new ColumnVerifier(busy);
    const tasks = Array.from({ length: 300 }, () => busy.warmUp());
    const verdict = assert.rejects(verifier.verify(columns[0]!), VerifierFull);
    const results = Promise.allSettled(tasks);
    await verdict;
    await busy.stop();
    const reasons = (await results).map((result) =>
      result.status === "rejected" ? String(result.reason.message) : "",
    );
    assert.ok(reasons.filter((reason) => /full/.test(reason)).length >= 40);
    assert.ok(reasons.some((reason) => reason === "stopped"));
  });
});
