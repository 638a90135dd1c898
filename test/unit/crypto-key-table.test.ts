import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, readFileSync, statSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { StorageError } from "../../src/base/errors.ts";
import { aggregatePublicKeys, KeyTable, verifySet } from "../../src/crypto/bls.ts";
import {
  BLOCK,
  copied,
  flip,
  folder,
  freshPath,
  key,
  keys,
  setFor,
  TOTAL,
  VALID_PLACES,
  written,
} from "./crypto-key-files.ts";
import { cannotSpawn, invalidKeys } from "./crypto-keys.ts";

/** The table is some first keys, right to the last byte, and works as if nothing had ever been wrong. */
function assertPrefix(path: string): number {
  const table = KeyTable.open(path, { write: true, check: true });
  const { length } = table;
  assert.ok(Buffer.from(table.compressed()).equals(keys.subarray(0, 48 * length)));
  table.append(keys.subarray(48 * length));
  table.flushSync(1);
  table.close();
  const again = KeyTable.open(path, { check: true });
  assert.equal(again.length, TOTAL);
  assert.equal(again.dropped, 0);
  assert.ok(Buffer.from(again.compressed()).equals(keys));
  for (const place of VALID_PLACES) assert.equal(verifySet(setFor(again, place)), true);
  assert.equal(again.validate({ threads: 1 }), TOTAL - VALID_PLACES.length);
  again.close();
  return length;
}

describe("in memory", () => {
  test("finds, reads and compares", () => {
    const table = KeyTable.create();
    assert.equal(table.indexOf(key(0)), -1);
    assert.equal(table.compressed().length, 0);
    table.append(keys.subarray(0, 4800));
    assert.equal(table.indexOf(key(99)), 99);
    assert.equal(table.indexOf(key(100)), -1);
    table.append(keys.subarray(4800));
    for (const i of [0, 1, 100, BLOCK, TOTAL - 1]) {
      assert.equal(table.indexOf(key(i)), i);
      assert.deepEqual(table.get(i), key(i).slice());
    }
    assert.equal(table.countMatching(0, keys), TOTAL);
    assert.equal(table.countMatching(7, keys.subarray(48 * 7, 48 * 20)), 13);
    assert.equal(table.countMatching(7, keys), 0);
    assert.equal(table.countMatching(TOTAL, keys), 0);
    const changed = keys.slice();
    changed[48 * 500]! ^= 1;
    assert.equal(table.countMatching(0, changed), 500);
  });

  test("a repeated key is found at its first place", () => {
    const table = KeyTable.create();
    for (const i of [5, 6, 5, 7, 5]) table.append(key(i));
    assert.equal(table.indexOf(key(5)), 0);
    for (let i = 0; i < 3; i++) table.append(keys);
    assert.equal(table.indexOf(key(7)), 3);
    assert.equal(table.indexOf(key(9)), 5 + 9);
  });

  test("a view keeps its keys when the table grows, closes and is collected", () => {
    let view: Uint8Array;
    {
      const table = KeyTable.create();
      table.append(keys.subarray(0, 48 * 100));
      view = table.compressed();
      assert.equal(table.compressed(), view);
      table.append(keys);
      assert.equal(view.length, 4800);
      assert.equal(table.compressed().length, 4800 + keys.length);
      table.close();
      assert.throws(() => table.get(0), TypeError);
    }
    assert.ok(Buffer.from(view).equals(keys.subarray(0, 4800)));
  });

  test("invalid keys may sit there, but nothing they sign holds", () => {
    const table = KeyTable.create();
    table.append(keys);
    assert.equal(verifySet(setFor(table, 0)), true);
    assert.equal(verifySet({ ...setFor(table, 0), indices: [0, 1] }), false);
    assert.equal(table.aggregate(Uint32Array.of(0, 1)), undefined);
    assert.equal(table.aggregate(Uint32Array.of()), undefined);
    const places = VALID_PLACES.slice(0, 3);
    assert.deepEqual(table.aggregate(Uint32Array.from(places)), aggregatePublicKeys(places.map(key)));
    assert.equal(table.validate(), TOTAL - VALID_PLACES.length);
  });

  test("memory is held for what is there, and the capacity is kept", () => {
    const table = KeyTable.create({ capacity: 100 });
    assert.ok(table.memory().anonymous < 2 ** 20);
    assert.equal(table.memory().mapped, 0);
    table.append(keys.subarray(0, 4800));
    assert.throws(() => table.append(key(0)), /cannot add 1 keys to 100/);
    assert.equal(table.length, 100);
    assert.throws(() => table.append(keys.subarray(0, 47)), TypeError);
    assert.throws(() => table.get(100), TypeError);
  });
});

describe("on disk", () => {
  test("comes back whole, with its lookup, and grows", async () => {
    const path = written(10, BLOCK - 10, 1, BLOCK);
    const table = KeyTable.open(path, { write: true });
    assert.equal(table.length, 2 * BLOCK + 1);
    assert.equal(table.indexOf(key(2 * BLOCK)), 2 * BLOCK);
    table.append(keys.subarray(48 * table.length));
    assert.equal(table.durableLength, 2 * BLOCK + 1);
    await table.flush();
    assert.equal(table.durableLength, TOTAL);
    table.close();
    assert.equal(assertPrefix(path), TOTAL);
  });

  test("appendValidated reports progress and counts invalid keys", async () => {
    const path = freshPath();
    const table = KeyTable.open(path, { write: true });
    const seen: number[] = [];
    const invalid = await table.appendValidated(keys, { threads: 2, onProgress: (done) => seen.push(done) });
    assert.equal(invalid, TOTAL - VALID_PLACES.length);
    assert.deepEqual(seen, [2 * BLOCK, TOTAL]);
    assert.equal(table.durableLength, TOTAL);
    const { anonymous, mapped } = table.memory();
    assert.ok(mapped > 0.9 * TOTAL * 144 && anonymous < 2 ** 20);
    table.close();
    assert.equal(assertPrefix(path), TOTAL);
  });

  test("keys that were not flushed are not there", () => {
    const path = written(20);
    const table = KeyTable.open(path, { write: true });
    table.append(keys.subarray(48 * 20));
    table.close();
    assert.equal(assertPrefix(path), 20);
  });

  test("a reader sees what was there when it opened, and may add keys of its own in memory", () => {
    const path = written(BLOCK + 7);
    const reader = KeyTable.open(path);
    const writer = KeyTable.open(path, { write: true });
    writer.append(keys.subarray(48 * (BLOCK + 7)));
    writer.flushSync();
    assert.equal(reader.length, BLOCK + 7);
    assert.equal(reader.indexOf(key(BLOCK + 7)), -1);
    reader.append(keys.subarray(48 * (BLOCK + 7)));
    for (const place of VALID_PLACES) assert.equal(verifySet(setFor(reader, place)), true);
    assert.throws(() => reader.flushSync(), TypeError);
    assert.equal(KeyTable.open(path).length, TOTAL);
    writer.close();
  });

  test("a write to the view stays in this process", () => {
    const path = written(TOTAL);
    const table = KeyTable.open(path);
    table.compressed().fill(0);
    assert.equal(assertPrefix(path), TOTAL);
  });

  test("there is one writer at a time", () => {
    const path = written(5);
    const writer = KeyTable.open(path, { write: true });
    assert.throws(() => KeyTable.open(path, { write: true }), StorageError);
    assert.equal(KeyTable.open(path).length, 5);
    writer.close();
    KeyTable.open(path, { write: true }).close();
  });

  test("other processes and workers share it", { skip: cannotSpawn }, async () => {
    const path = written(TOTAL);
    const writer = KeyTable.open(path, { write: true });
    const module = new URL("../../src/crypto/bls.ts", import.meta.url).href;
    const script = `
      const { KeyTable } = await import(${JSON.stringify(module)});
      const { createHash } = await import("node:crypto");
      const table = KeyTable.open(${JSON.stringify(path)});
      let locked = false;
      try { KeyTable.open(${JSON.stringify(path)}, { write: true }); } catch { locked = true; }
      console.log(JSON.stringify([table.length, createHash("sha256").update(table.compressed()).digest("hex"), locked]));`;
    const answer = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    const { createHash } = await import("node:crypto");
    assert.deepEqual(JSON.parse(answer), [TOTAL, createHash("sha256").update(keys).digest("hex"), true]);
    const url = new URL("./crypto-worker.ts", import.meta.url);
    const worker = new Worker(url, { workerData: { path, count: 1, mode: "answer" } });
    const reply = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    assert.deepEqual(reply, { now: true, later: true, broken: false, length: TOTAL });
    writer.close();
  });

  test("opens fast, with its lookup", () => {
    const path = freshPath();
    const many = invalidKeys(100_000, 7);
    const writer = KeyTable.open(path, { write: true });
    writer.append(many);
    writer.flushSync();
    writer.close();
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      const table = KeyTable.open(path);
      assert.equal(table.indexOf(many.subarray(48 * 99_999)), 99_999);
      const time = performance.now() - start;
      table.close();
      return time;
    });
    // Emulation is some twenty times slower.
    assert.ok(Math.min(...times) < (cannotSpawn ? 2000 : 50), `${times} ms`);
  });
});

describe("after a crash", () => {
  const path = written(10, BLOCK - 10, 5, BLOCK + 295);

  test("a log cut anywhere is refused or gives a prefix", () => {
    const full = statSync(join(path, "log")).size;
    for (const size of [0, 1, 63, 64, 511, 512, 530, 544, 1023, 1040, 4095, 4096, 4097, 4112, full - 1]) {
      const copy = copied(path);
      truncateSync(join(copy, "log"), size);
      if (size < 4096) assert.throws(() => KeyTable.open(copy), StorageError, `${size}`);
      else assert.equal(assertPrefix(copy) % BLOCK, 0, `${size}`);
    }
  });

  test("keys or points cut anywhere give whole blocks", () => {
    for (const [file, item] of [["keys", 48] as const, ["points", 96] as const]) {
      for (const count of [0, 0.5, 1, 10, BLOCK - 0.5, BLOCK, BLOCK + 0.5, 2 * BLOCK - 1, 2 * BLOCK, TOTAL - 1]) {
        const copy = copied(path);
        truncateSync(join(copy, file), Math.floor(count * item));
        const reader = KeyTable.open(copy);
        assert.ok(reader.dropped > 0);
        assert.equal(reader.length, Math.floor(count / BLOCK) * BLOCK, `${file} ${count}`);
        reader.close();
        assert.equal(assertPrefix(copy), Math.floor(count / BLOCK) * BLOCK);
      }
    }
  });

  test("what was written but never committed is ignored", () => {
    const copy = copied(path);
    for (const [file, item] of [["keys", 48] as const, ["points", 96] as const]) {
      truncateSync(join(copy, file), (TOTAL + 1000) * item);
    }
    assert.equal(assertPrefix(copy), TOTAL);
  });

  test("a torn commit leaves the one before", () => {
    const two = written(10, 20);
    const [, second] = [512, 1024].map((at) => readFileSync(join(two, "log")).readBigUInt64LE(at));
    flip(join(two, "log"), second === 1n ? 512 : 1024);
    assert.equal(assertPrefix(two), 10);
  });

  test("a folder in which only the creation began is a new table", () => {
    const copy = copied(path);
    unlinkSync(join(copy, "log"));
    assert.throws(() => KeyTable.open(copy), StorageError);
    assert.equal(assertPrefix(copy), 0);
  });

  test("killed while writing, it has a prefix", { skip: cannotSpawn }, async () => {
    const module = new URL("../../src/crypto/bls.ts", import.meta.url).href;
    const target = freshPath();
    const input = join(folder, "input");
    writeFileSync(input, keys);
    const script = `
      const { KeyTable } = await import(${JSON.stringify(module)});
      const { readFileSync } = await import("node:fs");
      const keys = new Uint8Array(readFileSync(${JSON.stringify(input)}));
      const table = KeyTable.open(${JSON.stringify(target)}, { write: true });
      console.log("ready");
      while (table.length < ${TOTAL}) {
        table.append(keys.subarray(48 * table.length, 48 * Math.min(${TOTAL}, table.length + 37)));
        table.flushSync(1);
      }
      setInterval(() => {}, 1000);`;
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await new Promise((resolve) => setTimeout(resolve, 20 + 25 * round));
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      const table = KeyTable.open(target, { check: true });
      assert.equal(table.dropped, 0);
      assert.ok(Buffer.from(table.compressed()).equals(keys.subarray(0, 48 * table.length)));
      table.close();
    }
    assertPrefix(target);
  });
});

describe("damage", () => {
  const path = written(BLOCK + 5, BLOCK + 295);

  test("of the header is refused, with the place", () => {
    for (let at = 0; at < 64; at += 3) {
      const copy = copied(path);
      flip(join(copy, "log"), at);
      assert.throws(() => KeyTable.open(copy), StorageError, `${at}`);
    }
    const future = copied(path);
    const log = readFileSync(join(future, "log"));
    log.writeUInt32LE(2, 8);
    writeFileSync(join(future, "log"), log);
    assert.throws(() => KeyTable.open(future), /another version \(offset 8\)/);
    writeFileSync(join(future, "log"), "x".repeat(5000));
    assert.throws(() => KeyTable.open(future), /wrong magic/);
  });

  test("of commits and block records gives a prefix", () => {
    for (const at of [512, 520, 530, 543, 1024, 1032, 1040, 1055, 4096, 4103, 4104, 4112, 4127]) {
      const copy = copied(path);
      flip(join(copy, "log"), at);
      assertPrefix(copy);
    }
  });

  test("of keys or points is found by the check, and cut", () => {
    for (const [file, item] of [["keys", 48] as const, ["points", 96] as const]) {
      for (const place of [0, 77, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, TOTAL - 1]) {
        const copy = copied(path);
        flip(join(copy, file), place * item + 11);
        assert.equal(assertPrefix(copy), Math.floor(place / BLOCK) * BLOCK, `${file} ${place}`);
      }
    }
  });

  test("of a block is found when a signature first needs it, and is no verdict", async () => {
    const copy = copied(path);
    flip(join(copy, "points"), 96 * 77);
    const table = KeyTable.open(copy);
    assert.equal(verifySet(setFor(table, BLOCK)), true);
    assert.throws(() => verifySet(setFor(table, 0)), StorageError);
    assert.throws(() => table.validate(), StorageError);
    table.close();
  });

  test("of the lookup file costs nothing but time", () => {
    const many = invalidKeys(70_000, 3);
    const [big, other] = [freshPath(), freshPath()];
    for (const path of [big, other]) {
      const writer = KeyTable.open(path, { write: true });
      writer.append(many);
      writer.flushSync();
      writer.close();
    }
    const size = statSync(join(big, "index")).size;
    const damages: ((file: string) => void)[] = [
      (file) => unlinkSync(file),
      (file) => truncateSync(file, 0),
      (file) => truncateSync(file, size - 1),
      (file) => writeFileSync(file, new Uint8Array(size)),
      (file) => cpSync(join(other, "index"), file),
      (file) => writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(1)])),
      ...[0, 8, 16, 24, 40, 48, 56, 64, 72, 65536 + 5, size - 3].map((at) => (file: string) => flip(file, at)),
    ];
    for (const damage of damages) {
      damage(join(big, "index"));
      const table = KeyTable.open(big, { write: true });
      for (let i = 0; i < 70_000; i += 997) assert.equal(table.indexOf(many.subarray(48 * i, 48 * i + 48)), i);
      assert.equal(table.indexOf(key(0)), -1);
      table.flushSync();
      assert.equal(statSync(join(big, "index")).size, size, "written again");
      table.close();
    }
  });

  test("a file where the folder should be, and folders that are not there", () => {
    const file = join(folder, "file");
    writeFileSync(file, "x");
    assert.throws(() => KeyTable.open(file, { write: true }), StorageError);
    assert.throws(() => KeyTable.open(join(folder, "none")), StorageError);
    assert.throws(() => KeyTable.open(join(folder, "none/deeper"), { write: true }), StorageError);
    assert.throws(() => KeyTable.open(path, { capacity: 10 }), StorageError);
    assert.throws(() => KeyTable.open("a\0b"), TypeError);
  });
});
