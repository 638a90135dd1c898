import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { StorageError } from "../../src/base/errors.ts";
import { SlashingProtection } from "../../src/validator/slashing-protection.ts";

const ROOT = new Uint8Array(32).fill(7);
const LOG = "slashing-protection.log";

let folder: string;
let opened: SlashingProtection[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cresset-slashing-"));
});

afterEach(async () => {
  for (const protection of opened) await protection.close();
  opened = [];
  rmSync(folder, { recursive: true, force: true });
});

async function open(options: Partial<Parameters<typeof SlashingProtection.open>[0]> = {}): Promise<SlashingProtection> {
  const protection = await SlashingProtection.open({ folder, genesisValidatorsRoot: ROOT, ...options });
  opened.push(protection);
  return protection;
}

function key(n: number): Uint8Array {
  return new Uint8Array(48).fill(n);
}

function root(n: number): Uint8Array {
  return new Uint8Array(32).fill(n);
}

async function attest(protection: SlashingProtection, source: number, target: number, of: number, keys = [key(1)]) {
  const attestation = { sourceEpoch: source, targetEpoch: target, signingRoot: root(of), pubkeys: keys };
  const [refusals] = await protection.recordAttestations([attestation]);
  return refusals!;
}

describe("slashing protection", () => {
  it("refuses what could be slashed, and allows the same message again", async () => {
    const protection = await open();
    assert.deepEqual(await attest(protection, 2, 3, 1), [undefined]);
    assert.deepEqual(await attest(protection, 2, 3, 1), [undefined]);
    assert.deepEqual(await attest(protection, 2, 3, 2), ["TARGET_NOT_ABOVE_HIGHEST"]);
    assert.deepEqual(await attest(protection, 1, 4, 2), ["SOURCE_BELOW_HIGHEST"]);
    assert.deepEqual(await attest(protection, 5, 4, 2), ["SOURCE_AFTER_TARGET"]);
    assert.deepEqual(await attest(protection, 3, 4, 2), [undefined]);
    assert.equal(await protection.recordBlock(key(1), 10, root(1)), undefined);
    assert.equal(await protection.recordBlock(key(1), 10, root(1)), undefined);
    assert.equal(await protection.recordBlock(key(1), 10, root(2)), "BLOCK_NOT_ABOVE_HIGHEST");
    assert.equal(await protection.recordBlock(key(1), 9, root(1)), "BLOCK_NOT_ABOVE_HIGHEST");
    assert.equal(await protection.recordBlock(key(2), 9, root(1)), undefined);
    for (const slot of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(protection.recordBlock(key(1), slot, root(1)), StorageError);
    }
  });

  it("judges within one list too", async () => {
    const protection = await open();
    const one = { sourceEpoch: 0, targetEpoch: 1, signingRoot: root(1), pubkeys: [key(1), key(2)] };
    const other = { sourceEpoch: 0, targetEpoch: 1, signingRoot: root(2), pubkeys: [key(2), key(3)] };
    const refusals = await protection.recordAttestations([one, other]);
    assert.deepEqual(refusals, [
      [undefined, undefined],
      ["TARGET_NOT_ABOVE_HIGHEST", undefined],
    ]);
  });

  it("judges calls that come at once as if one came after the other", async () => {
    const protection = await open();
    const calls = Array.from({ length: 20 }, (_, i) => protection.recordBlock(key(1), 5, root(i)));
    const allowed = (await Promise.all(calls)).filter((refusal) => refusal === undefined);
    assert.equal(allowed.length, 1);
  });

  it("knows after a restart what was signed before, compacted or not", async () => {
    for (const compactAboveBytes of [0, 2 ** 20]) {
      const before = await open({ compactAboveBytes });
      const slot = compactAboveBytes + 10;
      assert.deepEqual(await attest(before, slot, slot, 1, [key(1), key(2)]), [undefined, undefined]);
      assert.equal(await before.recordBlock(key(1), slot, root(3)), undefined);
      await before.close();
      const after = await open({ compactAboveBytes });
      assert.deepEqual(await attest(after, slot, slot, 2, [key(1), key(2)]), Array(2).fill("TARGET_NOT_ABOVE_HIGHEST"));
      assert.deepEqual(await attest(after, slot, slot, 1, [key(2)]), [undefined]);
      assert.equal(await after.recordBlock(key(1), slot, root(4)), "BLOCK_NOT_ABOVE_HIGHEST");
      await after.close();
    }
  });

  it("writes four bytes a key and slot, and stays small", async () => {
    const protection = await open({ compactAboveBytes: 20_000 });
    const keys = Array.from({ length: 100 }, (_, n) => key(n));
    await attest(protection, 0, 1, 1, keys);
    const before = protection.bytes;
    await attest(protection, 1, 2, 2, keys);
    assert.ok(protection.bytes - before < 400 + 100, `${protection.bytes - before} bytes`);
    for (let epoch = 3; epoch < 300; epoch++) await attest(protection, epoch - 1, epoch, epoch % 256, keys);
    assert.ok(protection.bytes < 80_000, `${protection.bytes} bytes`);
    assert.deepEqual(await attest(protection, 298, 299, 1, [key(99)]), ["TARGET_NOT_ABOVE_HIGHEST"]);
  });

  it("is of one owner at a time, in this process and in others", async () => {
    const protection = await open();
    await assert.rejects(open(), /locked by process/);
    const script = `
      import { SlashingProtection } from ${JSON.stringify(join(import.meta.dirname, "../../src/validator/slashing-protection.ts"))};
      const options = { folder: ${JSON.stringify(folder)}, genesisValidatorsRoot: new Uint8Array(32).fill(7) };
      await SlashingProtection.open(options).then(() => process.exit(0), () => process.exit(5));`;
    const attempt = async (): Promise<number> => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
      const [code] = await once(child, "exit");
      return code as number;
    };
    assert.equal(await attempt(), 5);
    await protection.close();
    assert.equal(await attempt(), 0);
  });

  it("is free again after kill -9, and knows what was acknowledged", { timeout: 30_000 }, async () => {
    const script = `
      import { SlashingProtection } from ${JSON.stringify(join(import.meta.dirname, "../../src/validator/slashing-protection.ts"))};
      const options = { folder: ${JSON.stringify(folder)}, genesisValidatorsRoot: new Uint8Array(32).fill(7) };
      const protection = await SlashingProtection.open(options);
      for (let slot = 1; ; slot++) {
        await protection.recordBlock(new Uint8Array(48).fill(1), slot, new Uint8Array(32).fill(slot % 256));
        process.stdout.write(slot + "\\n");
      }`;
    let acknowledged = 0;
    for (let run = 0; run < 3; run++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      child.stdout.setEncoding("utf8");
      let text = "";
      // What was signed before this run is refused at first, and the slots grow past it.
      for await (const chunk of child.stdout) {
        text += chunk;
        if (text.split("\n").length > 40 * (run + 1)) child.kill("SIGKILL");
      }
      acknowledged = Math.max(acknowledged, ...text.split("\n").slice(0, -1).map(Number));
      const protection = await open();
      const refusal = await protection.recordBlock(key(1), acknowledged, root((acknowledged + 1) % 256));
      assert.equal(refusal, "BLOCK_NOT_ABOVE_HIGHEST");
      await protection.close();
    }
    assert.ok(acknowledged >= 40);
  });

  it("goes on after a record that was cut off anywhere", async () => {
    const protection = await open();
    await protection.recordBlock(key(1), 1, root(1));
    const before = protection.bytes;
    await protection.recordBlock(key(1), 2, root(2));
    const after = protection.bytes;
    await protection.close();
    const path = join(folder, LOG);
    const whole = readFileSync(path);
    for (let length = before; length < after; length++) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      // Some file systems grow the file before they write into it.
      if (length % 2 === 0 && length <= after - 4) appendFileSync(path, new Uint8Array(after - length));
      const torn = await open();
      assert.ok(torn.tornBytes > 0 || length === before);
      assert.equal(torn.bytes, before);
      assert.equal(await torn.recordBlock(key(1), 1, root(2)), "BLOCK_NOT_ABOVE_HIGHEST");
      assert.equal(await torn.recordBlock(key(1), 2, root(3)), undefined);
      await torn.close();
    }
  });

  it("refuses a file in which any bit was changed", async () => {
    const protection = await open();
    await attest(protection, 0, 1, 1, [key(1), key(2)]);
    await protection.recordBlock(key(1), 2, root(2));
    await protection.close();
    const path = join(folder, LOG);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(path, changed);
      await assert.rejects(open(), /damaged at byte/, `byte ${at}`);
      assert.equal(statSync(path).size, whole.length);
    }
    // A frame left out, in the middle.
    writeFileSync(path, Buffer.concat([whole.subarray(0, 72), whole.subarray(140)]));
    await assert.rejects(open(), /damaged/);
  });

  it("refuses to begin anew where there was a file, and on another network", async () => {
    const protection = await open();
    await protection.recordBlock(key(1), 2, root(2));
    await protection.close();
    await assert.rejects(open({ genesisValidatorsRoot: root(9) }), /of network/);
    rmSync(join(folder, LOG));
    await assert.rejects(open(), /lost/);
    await assert.rejects(open(), /lost/);
  });

  it("exports what another folder imports, whole or not at all", async () => {
    const protection = await open();
    await attest(protection, 4, 6, 1, [key(1), key(2)]);
    await protection.recordBlock(key(2), 70, root(2));
    const text = await protection.exportInterchange();
    await protection.close();
    const other = mkdtempSync(join(tmpdir(), "cresset-slashing-"));
    try {
      const second = await open({ folder: other });
      assert.equal(await second.importInterchange(text), 2);
      assert.deepEqual(await attest(second, 4, 6, 1, [key(1)]), [undefined]);
      assert.deepEqual(await attest(second, 4, 6, 2, [key(2)]), ["TARGET_NOT_ABOVE_HIGHEST"]);
      assert.equal(await second.recordBlock(key(2), 70, root(3)), "BLOCK_NOT_ABOVE_HIGHEST");
      assert.equal(await second.exportInterchange(), text);
      const broken = JSON.parse(text);
      broken.data[0].signed_attestations[0].target_epoch = "1000";
      broken.data[1].signed_blocks = [{ slot: "-1" }];
      await assert.rejects(second.importInterchange(JSON.stringify(broken)), /data\[1\]\.signed_blocks\[0\]\.slot/);
      assert.deepEqual(await attest(second, 6, 7, 2, [key(1)]), [undefined]);
      for (const bad of ["", "{", "[]", '{"metadata":{"interchange_format_version":"4"},"data":[]}']) {
        await assert.rejects(second.importInterchange(bad));
      }
      await second.close();
    } finally {
      rmSync(other, { recursive: true, force: true });
    }
  });
});
