import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { DecodeError } from "../../../src/base/errors.ts";
import { decodeBlock, encodeBlock } from "../../../src/base/snappy-block.ts";

interface Snappy {
  compressSync(bytes: Buffer): Buffer;
  uncompressSync(bytes: Buffer): Buffer;
}

/** The other implementation, where it has a build for this machine and the package is there. */
function otherImplementation(): Snappy | undefined {
  if (process.arch !== "x64") return undefined;
  try {
    return createRequire(import.meta.url)("snappy") as Snappy;
  } catch {
    return undefined;
  }
}

/** Inputs from noise to repetition, around every length at which an element changes its form. */
function* inputs(): Generator<Buffer> {
  for (let length = 0; length < 300; length++) yield randomBytes(length);
  for (let length = 0; length < 300; length++) yield Buffer.alloc(length, "ab");
  for (const length of [2047, 2048, 2049, 65_535, 65_536, 65_537, 200_000]) {
    yield randomBytes(length);
    yield Buffer.alloc(length);
    for (const period of [1, 3, 60, 67, 2047, 2049, 30_000]) {
      const pattern = randomBytes(period);
      const bytes = Buffer.alloc(length, pattern);
      for (let i = 0; i < 20; i++) bytes[randomInt(length)]! ^= 1;
      yield bytes;
    }
  }
}

describe("snappy blocks", () => {
  test("come back as they were, within the format's worst case", () => {
    for (const bytes of inputs()) {
      const block = encodeBlock(bytes);
      assert.ok(block.length <= 32 + bytes.length + bytes.length / 6 + 1);
      assert.ok(Buffer.from(decodeBlock(block)).equals(bytes), `${bytes.length} bytes`);
    }
  });

  const other = otherImplementation();
  test("are those of the other implementation", { skip: other ? false : "npm's snappy is for x86-64 here" }, () => {
    for (const bytes of inputs()) {
      assert.ok(other!.uncompressSync(Buffer.from(encodeBlock(bytes))).equals(bytes), `${bytes.length} bytes, ours`);
      assert.ok(Buffer.from(decodeBlock(other!.compressSync(bytes))).equals(bytes), `${bytes.length} bytes, theirs`);
    }
  });

  test("are small where there is repetition", () => {
    assert.ok(encodeBlock(new Uint8Array(65_536)).length < 3200);
    assert.ok(encodeBlock(Buffer.alloc(65_536, randomBytes(1000))).length < 5000);
  });

  test("of four-byte distances are read, though none is written", () => {
    const head = [0xf0, 0xa2, 0x04]; // 70,000
    const literal = randomBytes(69_990);
    const block = Buffer.concat([
      Uint8Array.of(...head, 62 << 2, 0x65, 0x11, 0x01),
      literal,
      Uint8Array.of((9 << 2) | 3, 0x66, 0x11, 0x01, 0x00),
    ]);
    assert.ok(Buffer.from(decodeBlock(block)).equals(Buffer.concat([literal, literal.subarray(0, 10)])));
  });

  test("that lie are refused", () => {
    for (const [bytes, why] of [
      [[], /not a snappy block/],
      [[0x80], /not a snappy block/],
      [[0xff, 0xff, 0xff, 0xff, 0xff, 0], /not a snappy block/],
      [[0xff, 0xff, 0xff, 0xff, 0x0f, 0], /cannot hold 4294967295/],
      [[2, 0, 7], /holds 1 bytes and claims 2/],
      [[1, 4, 7, 7], /longer than it claims/],
      [[5, 16, 7, 7], /literal cut short/],
      [[5, 60 << 2], /element cut short/],
      [[5, 0, 7, 1, 0], /before the start/],
      [[5, 0, 7, 1, 2], /before the start/],
      [[5, 0, 7, 2, 1], /element cut short/],
      [[5, 63 << 2, 0xff, 0xff, 0xff, 0xff], /longer than it claims/],
    ] as const) {
      assert.throws(() => decodeBlock(Uint8Array.from(bytes)), { name: "DecodeError", message: why });
    }
  });

  test("that are damaged are refused or decode to the size they claim", () => {
    for (let i = 0; i < 20_000; i++) {
      const block = encodeBlock(Buffer.alloc(200, randomBytes(1 + randomInt(150))));
      block[randomInt(block.length)]! ^= 1 << randomInt(8);
      const cut = block.subarray(0, randomInt(4) === 0 ? randomInt(block.length) : block.length);
      try {
        assert.ok(decodeBlock(cut).length <= cut.length * 22);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }
  });
});
