import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes, toHex } from "../../../src/base/bytes.ts";
import { DecodeError } from "../../../src/base/errors.ts";
import {
  compressBlock,
  compressFrames,
  isFramed,
  uncompressBlock,
  uncompressFrames,
} from "../../../src/base/snappy.ts";

const zeros = new Uint8Array(200_000);
/** Does not compress. */
const noise = Uint8Array.from({ length: 70_000 }, (_, i) => Math.imul(i + 1, 2_654_435_761) >>> 24);

describe("snappy", () => {
  for (const [name, bytes] of [
    ["nothing", new Uint8Array(0)],
    ["one byte", Uint8Array.of(7)],
    ["zeros", zeros],
    ["noise", noise],
  ] as const) {
    test(`restores ${name} from a block and from frames`, () => {
      assert.equal(toHex(uncompressBlock(compressBlock(bytes), 1 << 20)), toHex(bytes));
      const frames = compressFrames(bytes);
      assert.ok(isFramed(frames));
      assert.equal(toHex(uncompressFrames(frames, 1 << 20)), toHex(bytes));
    });
  }

  test("frames carry the checksum that the format says", () => {
    // CRC-32C of "123456789" is e3069283.
    const frames = compressFrames(Buffer.from("123456789"));
    const masked = (((0xe3069283 >>> 15) | (0xe3069283 << 17)) + 0xa282ead8) >>> 0;
    assert.equal(new DataView(frames.buffer, frames.byteOffset).getUint32(14, true), masked);
  });

  test("refuses what would be larger than allowed, before making room for it", () => {
    assert.throws(() => uncompressBlock(compressBlock(zeros), 199_999), /claims 200000 bytes/);
    assert.throws(() => uncompressBlock(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0), 1 << 30), /claims 4294967295/);
    assert.throws(() => uncompressFrames(compressFrames(zeros), 199_999), DecodeError);
    assert.throws(() => uncompressFrames(compressFrames(noise), 69_999), DecodeError);
  });

  test("skips padding and refuses unknown chunks", () => {
    const frames = compressFrames(Uint8Array.of(1, 2, 3));
    const padded = concatBytes(frames, Uint8Array.of(0xfe, 2, 0, 0, 9, 9));
    assert.deepEqual([...uncompressFrames(padded, 100)], [1, 2, 3]);
    assert.throws(() => uncompressFrames(concatBytes(frames, Uint8Array.of(0x02, 0, 0, 0)), 100), /unknown kind 2/);
  });

  test("refuses every cut and every flipped bit of frames, or restores the same", () => {
    const frames = compressFrames(noise.subarray(0, 100));
    for (let end = 0; end < frames.length; end++) {
      if (end === 10) continue; // A stream of no chunks is whole.
      assert.throws(() => uncompressFrames(frames.subarray(0, end), 1000), DecodeError, `cut at ${end}`);
    }
    for (let bit = 0; bit < frames.length * 8; bit++) {
      const flipped = frames.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      try {
        // Only a chunk that became skippable may vanish.
        assert.equal(uncompressFrames(flipped, 1000).length, 0, `bit ${bit}`);
      } catch (error) {
        assert.ok(error instanceof DecodeError, `bit ${bit}: ${error}`);
      }
    }
  });
});
