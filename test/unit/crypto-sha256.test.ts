import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import {
  hash64,
  hashPairs,
  implementation,
  implementations,
  merkleizeChunks,
  mixInLength,
  sha256,
  useImplementation,
  zeroHash,
} from "../../src/crypto/sha256.ts";
import { sha256Native } from "../../src/crypto/sha256-native.ts";

const preferred = implementation();
afterEach(() => useImplementation(preferred));

function reference(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** Level by level, with every padding chunk written out. */
function naiveRoot(chunks: Uint8Array, depth: number): Uint8Array {
  let level: Uint8Array[] = Array.from({ length: 2 ** depth }, (_, i) => {
    const chunk = new Uint8Array(32);
    chunk.set(chunks.subarray(32 * i, 32 * i + 32));
    return chunk;
  });
  while (level.length > 1)
    level = level.filter((_, i) => i % 2 === 0).map((left, i) => reference(left, level[2 * i + 1]!));
  return level[0]!;
}

describe("every implementation against node:crypto", () => {
  for (const name of implementations()) {
    test(`${name}: messages of every length`, () => {
      useImplementation(name);
      assert.equal(implementation(), name);
      for (let length = 0; length < 400; length++) {
        const data = randomBytes(length);
        assert.deepEqual(sha256(data), reference(data), `length ${length}`);
      }
      for (const length of [8191, 8192, 8193, 1_000_003]) {
        const data = randomBytes(length);
        assert.deepEqual(sha256(data), reference(data), `length ${length}`);
      }
    });

    test(`${name}: pairs of every count, at odd offsets, in place and on threads`, () => {
      useImplementation(name);
      for (const count of [...Array(68).keys(), 127, 1000, 9001]) {
        const input = new Uint8Array(randomBytes(64 * count + 3)).subarray(3);
        const expected = new Uint8Array(32 * count);
        for (let k = 0; k < count; k++) expected.set(reference(input.subarray(64 * k, 64 * k + 64)), 32 * k);
        for (const threads of [1, 3]) {
          const output = new Uint8Array(32 * count + 9).fill(0xaa);
          hashPairs(input, output.subarray(5), count, threads);
          assert.deepEqual(output.subarray(5, 5 + 32 * count), expected, `count ${count}`);
          assert.deepEqual([...output.subarray(0, 5), ...output.subarray(5 + 32 * count)], Array(9).fill(0xaa));
        }
        hashPairs(input, input, count, 4);
        assert.deepEqual(input.subarray(0, 32 * count), expected, `in place, count ${count}`);
      }
    });

    test(`${name}: roots of chunks`, () => {
      useImplementation(name);
      for (const depth of [0, 1, 2, 5, 7]) {
        for (let count = 0; count <= 2 ** depth; count++) {
          const chunks = randomBytes(32 * count);
          assert.deepEqual(merkleizeChunks(chunks, depth), naiveRoot(chunks, depth), `${count} chunks, depth ${depth}`);
        }
      }
      for (const count of [1023, 1024, 1025, 2047, 3001]) {
        const chunks = randomBytes(32 * count);
        const expected = naiveRoot(chunks, 12);
        assert.deepEqual(merkleizeChunks(chunks, 12), expected, `${count} chunks`);
        assert.deepEqual(merkleizeChunks(chunks, 12, 2), expected, `${count} chunks on two threads`);
        let deeper = expected;
        for (let d = 12; d < 40; d++) deeper = reference(deeper, zeroHash(d));
        assert.deepEqual(merkleizeChunks(chunks, 40), deeper, `${count} chunks, depth 40`);
      }
    });
  }
});

test("a known digest, so that the reference is not the only witness", () => {
  const abc = Buffer.from(sha256(Buffer.from("abc"))).toString("hex");
  assert.equal(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("zero hashes, to depth 64", () => {
  let expected = new Uint8Array(32);
  for (let depth = 0; depth <= 64; depth++) {
    assert.deepEqual(zeroHash(depth), expected);
    assert.deepEqual(merkleizeChunks(new Uint8Array(), depth), expected);
    expected = new Uint8Array(reference(expected, expected));
  }
});

test("results are the caller's own", () => {
  const root = zeroHash(0);
  root.fill(1);
  assert.deepEqual(zeroHash(0), new Uint8Array(32));
  const first = sha256(new Uint8Array(1));
  const kept = first.slice();
  sha256(new Uint8Array(2));
  assert.deepEqual(first, kept);
});

test("a list's length is mixed in as a little-endian number", () => {
  const root = new Uint8Array(randomBytes(32));
  for (const length of [0, 1, 255, 256, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const chunk = Buffer.alloc(32);
    chunk.writeBigUInt64LE(BigInt(length));
    assert.deepEqual(mixInLength(root, length), reference(root, chunk));
  }
  for (const length of [-1, 0.5, Number.NaN, 2 ** 53]) assert.throws(() => mixInLength(root, length), RangeError);
  assert.throws(() => mixInLength(new Uint8Array(31), 0), RangeError);
});

test("two roots", () => {
  const left = randomBytes(32);
  const right = randomBytes(32);
  assert.deepEqual(hash64(left, right), reference(left, right));
  assert.throws(() => hash64(left.subarray(1), right), RangeError);
  assert.throws(() => hash64(left, new Uint8Array(33)), RangeError);
});

describe("misuse throws", () => {
  const wrong = [undefined, null, 1, "x", [], {}, new Uint16Array(64), new DataView(new ArrayBuffer(64))] as unknown[];

  test("buffers of the wrong type", () => {
    for (const value of wrong) {
      const bytes = value as Uint8Array;
      assert.throws(() => sha256Native.hashPairs(bytes, new Uint8Array(32), 1, 1), TypeError);
      assert.throws(() => sha256Native.hashPairs(new Uint8Array(64), bytes, 1, 1), TypeError);
      assert.throws(() => sha256Native.sha256(bytes, 0, new Uint8Array(32)), TypeError);
      assert.throws(() => sha256Native.sha256(new Uint8Array(1), 1, bytes), TypeError);
      assert.throws(() => sha256Native.merkleizeChunks(bytes, 0, 4, new Uint8Array(32), 1), TypeError);
      assert.throws(() => sha256Native.zeroHash(1, bytes), TypeError);
    }
  });

  test("counts that are not small natural numbers, or that the buffers do not hold", () => {
    const input = new Uint8Array(640);
    const output = new Uint8Array(320);
    for (const count of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32 + 1, 2 ** 53, 2 ** 58, 11]) {
      assert.throws(() => hashPairs(input, output, count), RangeError, `count ${count}`);
    }
    assert.throws(() => hashPairs(input, new Uint8Array(319), 10), RangeError);
    assert.throws(() => hashPairs(input.subarray(1), output, 10), RangeError);
    assert.throws(() => hashPairs(input, output, "1" as unknown as number), TypeError);
    assert.throws(() => hashPairs(input, output, 1n as unknown as number), TypeError);
    for (const threads of [0, -1, Number.NaN, 2 ** 40])
      assert.throws(() => hashPairs(input, output, 1, threads), RangeError);
    hashPairs(input, output, 10, 1_000_000);
  });

  test("lengths beyond a buffer, outputs that are not a root", () => {
    assert.throws(() => sha256Native.sha256(new Uint8Array(5), 6, new Uint8Array(32)), RangeError);
    assert.throws(() => sha256Native.sha256(new Uint8Array(5), 5, new Uint8Array(31)), RangeError);
    assert.throws(() => sha256Native.merkleizeChunks(new Uint8Array(64), 96, 4, new Uint8Array(32), 1), RangeError);
    assert.throws(() => merkleizeChunks(new Uint8Array(33), 4), RangeError);
    assert.throws(() => merkleizeChunks(new Uint8Array(96), 1), RangeError);
    assert.throws(() => merkleizeChunks(new Uint8Array(32), 65), RangeError);
    assert.throws(() => zeroHash(65), RangeError);
    assert.throws(() => zeroHash(-1), RangeError);
  });

  test("detached buffers", () => {
    const input = new Uint8Array(64);
    structuredClone(input.buffer, { transfer: [input.buffer] });
    assert.throws(() => hashPairs(input, new Uint8Array(32), 1), RangeError);
    assert.throws(() => hashPairs(new Uint8Array(64), input, 1), RangeError);
    hashPairs(input, input, 0);
  });

  test("implementations that are not there", () => {
    assert.throws(() => useImplementation("md5"), RangeError);
    assert.throws(() => useImplementation(""), RangeError);
    assert.throws(() => useImplementation("x".repeat(1000)), RangeError);
    assert.throws(() => useImplementation(1 as unknown as string), TypeError);
    assert.equal(implementation(), preferred);
  });
});

test("works in workers, each with its own choice of implementation", async () => {
  const source = `
    import { parentPort } from "node:worker_threads";
    import { sha256, useImplementation, implementation, hashPairs } from ${JSON.stringify(new URL("../../src/crypto/sha256.ts", import.meta.url).href)};
    useImplementation("c");
    const input = new Uint8Array(64 * 5000), output = new Uint8Array(32 * 5000);
    for (let i = 0; i < 20; i++) hashPairs(input, output, 5000, 2);
    parentPort.postMessage([implementation(), sha256(output)]);`;
  const expected = reference(Buffer.concat(Array(5000).fill(reference(new Uint8Array(64)))));
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const answers = await Promise.all([0, 1, 2].map(() => answerOf(new Worker(url))));
  for (const [name, digest] of answers) {
    assert.equal(name, "c");
    assert.deepEqual(digest, expected);
  }
  assert.equal(implementation(), preferred);
});

async function answerOf(worker: Worker): Promise<[string, Uint8Array]> {
  try {
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  } finally {
    await worker.terminate();
  }
}
