/** `cresset ssz` as people run it: the real program on files, stdin and an API. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { compressBlock, compressFrames } from "../../../src/base/snappy.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";

const BINARY = resolve(import.meta.dirname, "../../../bin/cresset");
const folder = mkdtempSync(join(tmpdir(), "cresset-ssz-"));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);

const types = createChainSpec(MINIMAL_CONFIG).exactTypes.fulu;
const block = types.SignedBeaconBlock.defaultValue();
block.message.slot = 7n as never;
block.message.body.graffiti.fill(0x41);
block.message.body.executionPayload.transactions = [Uint8Array.of(1, 2, 3), new Uint8Array(40).fill(9)];
const blockBytes = types.SignedBeaconBlock.serialize(block);
const blockRoot = toHex(types.SignedBeaconBlock.hashTreeRoot(block));

function makeState(change: (state: ReturnType<typeof types.BeaconState.defaultValue>) => void): Uint8Array {
  const state = types.BeaconState.defaultValue();
  state.fork.currentVersion = MINIMAL_CONFIG.FULU_FORK_VERSION;
  for (let i = 0; i < 9; i++) {
    const validator = types.Validator.defaultValue();
    validator.pubkey.fill(i + 1);
    // Beyond what a double holds.
    validator.exitEpoch = (2n ** 64n - 1n - BigInt(i)) as never;
    state.validators.push(validator);
    state.balances.push((32_000_000_000n + BigInt(i)) as never);
  }
  change(state);
  return types.BeaconState.serialize(state);
}
const stateBytes = makeState(() => {});
const stateRoot = toHex(types.BeaconState.hashTreeRoot(types.BeaconState.deserialize(stateBytes)));
const changedBytes = makeState((state) => {
  state.balances[6] = 5n as never;
  state.validators[2]!.slashed = true;
  state.historicalRoots.push(new Uint8Array(32).fill(3));
});

before(() => {
  writeFileSync(file("block.ssz"), blockBytes);
  writeFileSync(file("block.ssz_snappy"), compressBlock(blockBytes));
  writeFileSync(file("framed.ssz_snappy"), compressFrames(blockBytes));
  writeFileSync(file("state.ssz"), stateBytes);
  writeFileSync(file("changed.ssz"), changedBytes);
});

interface Result {
  code: number | null;
  out: string;
  err: string;
}

function cresset(args: string[], stdin?: Uint8Array): Promise<Result> {
  return new Promise((done) => {
    const child = spawn(BINARY, ["ssz", ...args]);
    let out = "";
    let err = "";
    child.stdout.on("data", (data) => {
      out += data;
    });
    child.stderr.on("data", (data) => {
      err += data;
    });
    child.on("close", (code) => done({ code, out, err }));
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
  });
}

const MINIMAL = ["--preset", "minimal"];
const FULU = [...MINIMAL, "--fork", "fulu"];

describe("ssz root", () => {
  for (const name of ["block.ssz", "block.ssz_snappy", "framed.ssz_snappy"]) {
    test(`of ${name}`, async () => {
      const { code, out } = await cresset(["root", "SignedBeaconBlock", file(name), ...FULU]);
      assert.deepEqual([code, out], [0, `${blockRoot}\n`]);
    });
  }

  test("of stdin, as SSZ and as JSON", async () => {
    const ssz = await cresset(["root", "SignedBeaconBlock", "-", ...FULU], blockBytes);
    assert.equal(ssz.out, `${blockRoot}\n`);
    const json = JSON.stringify({ version: "fulu", data: types.SignedBeaconBlock.toJson(block) });
    const text = await cresset(["root", "SignedBeaconBlock", "-", ...MINIMAL], Buffer.from(json));
    assert.equal(text.out, `${blockRoot}\n`);
  });

  test("of a state, whose fork its version tells", async () => {
    const { code, out } = await cresset(["root", "BeaconState", file("state.ssz"), ...MINIMAL, "--json"]);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), { type: "BeaconState", fork: "fulu", root: stateRoot });
  });
});

describe("ssz decode and encode", () => {
  for (const format of ["json", "yaml"]) {
    test(`through ${format} and back give the same bytes`, async () => {
      for (const [type, name, bytes] of [
        ["SignedBeaconBlock", "block.ssz", blockBytes],
        ["BeaconState", "state.ssz", stateBytes],
      ] as const) {
        const text = file(`${type}.${format}`);
        const back = file(`${type}.${format}.ssz`);
        assert.equal((await cresset(["decode", type, file(name), ...FULU, "-o", text])).code, 0);
        assert.equal((await cresset(["encode", type, text, ...FULU, "-o", back])).code, 0);
        assert.equal(toHex(readFileSync(back)), toHex(bytes));
      }
    });
  }

  test("write both forms of snappy", async () => {
    for (const framed of [[], ["--framed"]]) {
      const out = file(`again${framed.length}.ssz_snappy`);
      assert.equal(
        (await cresset(["encode", "SignedBeaconBlock", file("block.ssz"), ...FULU, "-o", out, ...framed])).code,
        0,
      );
      assert.equal((await cresset(["root", "SignedBeaconBlock", out, ...FULU])).out, `${blockRoot}\n`);
    }
  });
});

test("ssz pretty prints the same JSON, indented", async () => {
  const { out } = await cresset(["pretty", "BeaconState", file("state.ssz"), ...MINIMAL]);
  const json = types.BeaconState.toJson(types.BeaconState.deserialize(stateBytes));
  assert.equal(out, `${JSON.stringify(json, null, 2)}\n`);
});

describe("ssz diff", () => {
  test("of equal objects says nothing", async () => {
    const { code, out } = await cresset(["diff", "BeaconState", file("state.ssz"), file("state.ssz"), ...MINIMAL]);
    assert.deepEqual([code, out], [0, ""]);
  });

  test("names path, index and both values", async () => {
    const args = ["diff", "BeaconState", file("state.ssz"), file("changed.ssz"), ...MINIMAL];
    const { code, out } = await cresset([...args, "--json"]);
    assert.equal(code, 1);
    const { differences, equal, complete } = JSON.parse(out);
    assert.deepEqual([equal, complete], [false, true]);
    const balances = 64n + 12n;
    assert.deepEqual(differences, [
      { gindex: String((64n + 7n) * 2n + 1n), path: "historical_roots.length", left: 0, right: 1 },
      { gindex: String((64n + 7n) * 2n * 2n ** 24n), path: "historical_roots[0]", right: `0x${"03".repeat(32)}` },
      {
        gindex: String(((64n + 11n) * 2n * 2n ** 40n + 2n) * 8n + 3n),
        path: "validators[2].slashed",
        left: false,
        right: true,
      },
      { gindex: String(balances * 2n * 2n ** 38n + 1n), path: "balances[6]", left: "32000000006", right: "5" },
    ]);
    assert.match((await cresset(args)).out, /balances\[6\] .*\n {2}- "32000000006"\n {2}\+ "5"/);
    assert.match((await cresset([...args, "--max", "1"])).out, /--max 1 reached/);
  });
});

describe("ssz tree", () => {
  test("lists roots down to a depth", async () => {
    const { code, out } = await cresset([
      "tree",
      "SignedBeaconBlock",
      file("block.ssz"),
      ...FULU,
      "--depth",
      "1",
      "--json",
    ]);
    assert.equal(code, 0);
    const { nodes } = JSON.parse(out);
    assert.deepEqual(
      nodes.map(({ gindex, path }: { gindex: string; path: string }) => [gindex, path]),
      [
        ["1", ""],
        ["2", "message"],
        ["3", "signature"],
      ],
    );
    assert.equal(nodes[0].root, blockRoot);
  });

  test("of two states goes to where they part", async () => {
    const args = ["tree", "BeaconState", file("state.ssz"), file("changed.ssz"), ...MINIMAL, "--at", "balances"];
    const { code, out } = await cresset([...args, "--depth", "50"]);
    assert.equal(code, 1);
    assert.match(out, /≠ 76 0x\w{64} 0x\w{64} {2}balances/);
    assert.match(out, /= 152 |= 153 /);
    assert.match(out, /≠ \d+ 0x\w{64} 0x\w{64} {2}balances\[4\]/);
    assert.match(out, /first difference: historical_roots/);
  });
});

describe("ssz proof", () => {
  for (const [type, name, place, gindex] of [
    ["BeaconState", "state.ssz", "finalized_checkpoint.root", "169"],
    ["BeaconState", "state.ssz", "169", "169"],
    ["BeaconState", "state.ssz", "validators[8].exit_epoch", String(((64n + 11n) * 2n * 2n ** 40n + 8n) * 8n + 6n)],
    ["BeaconState", "state.ssz", "validators.length", String((64n + 11n) * 2n + 1n)],
    ["SignedBeaconBlock", "block.ssz", "message.body.executionPayload", "329"],
  ] as const) {
    test(`of ${place} leads to the root`, async () => {
      const { code, out } = await cresset(["proof", type, file(name), place, ...FULU, "--json"]);
      assert.equal(code, 0);
      const proof = JSON.parse(out);
      assert.equal(proof.gindex, gindex);
      assert.equal(proof.root, type === "BeaconState" ? stateRoot : blockRoot);
      assert.equal(proof.branch.length, BigInt(gindex).toString(2).length - 1);
      assert.equal(proof.valid, true);
    });
  }
});

describe("ssz types", () => {
  test("lists each type under the fork that made it", async () => {
    const { out } = await cresset(["types", "--json"]);
    const forks = JSON.parse(out);
    assert.ok(forks.phase0.includes("Attestation") && forks.electra.includes("Attestation"));
    assert.ok(!forks.altair.includes("Attestation"));
    assert.ok(forks.fulu.includes("DataColumnSidecar"));
  });

  test("shows the parts of one", async () => {
    const { out } = await cresset(["types", "Checkpoint"]);
    assert.match(out, /Checkpoint \(fulu, mainnet\): Checkpoint, 40 bytes\n +2 epoch +uint64, 8 bytes\n +3 root/);
  });
});

describe("an address", () => {
  let server: Server;
  let base = "";
  before(async () => {
    server = createServer((request, response) => {
      const json = { version: "fulu", data: types.SignedBeaconBlock.toJson(block) };
      if (request.url === "/ssz") {
        assert.match(request.headers.accept ?? "", /application\/octet-stream/);
        response.setHeader("eth-consensus-version", "fulu");
        response.setHeader("content-type", "application/octet-stream").end(blockBytes);
      } else if (request.url === "/json") {
        response.setHeader("content-type", "application/json; charset=utf-8").end(JSON.stringify(json));
      } else if (request.url === "/short") {
        response.setHeader("content-length", "5000").write("abc");
        response.destroy();
      } else response.writeHead(404).end("{}");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  for (const path of ["/ssz", "/json"]) {
    test(`that answers in ${path.slice(1)} is read, its fork from the answer`, async () => {
      const { code, out } = await cresset(["root", "SignedBeaconBlock", `${base}${path}`, ...MINIMAL]);
      assert.deepEqual([code, out], [0, `${blockRoot}\n`]);
    });
  }

  for (const [path, extra, message] of [
    ["/none", [], /status 404/],
    ["/short", [], /broke off|no answer/],
    ["/ssz", ["--max-bytes", "100"], /more than 100 bytes/],
  ] as const) {
    test(`is refused: ${message}`, async () => {
      const { code, err } = await cresset(["root", "SignedBeaconBlock", `${base}${path}`, ...MINIMAL, ...extra]);
      assert.equal(code, 3);
      assert.match(err, message);
    });
  }
});

describe("errors", () => {
  const bad = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(file(name), bytes);
    return file(name);
  };
  const cut = () => bad("cut.ssz", blockBytes.subarray(0, 300));

  test("name file, type, field and offset", async () => {
    const { code, err } = await cresset(["root", "SignedBeaconBlock", cut(), ...FULU]);
    assert.equal(code, 3);
    assert.match(err, /cut\.ssz: SignedBeaconBlock: .*\(field message\.body, offset 184\)/);
  });

  test("are JSON where JSON is asked for", async () => {
    const { code, err } = await cresset(["root", "SignedBeaconBlock", cut(), ...FULU, "--json"]);
    assert.equal(code, 3);
    const { error } = JSON.parse(err);
    assert.deepEqual(
      [error.code, error.file, error.path, error.offset],
      ["BAD_INPUT", file("cut.ssz"), "message.body", 184],
    );
  });

  test("of a state cut short or with a bad offset", async () => {
    for (const bytes of [
      stateBytes.subarray(0, -5),
      Uint8Array.from(stateBytes, (byte, i) => (i === 4272 ? byte ^ 1 : byte)),
    ]) {
      const { code, err } = await cresset(["root", "BeaconState", bad("bad.ssz", bytes), ...MINIMAL]);
      assert.equal(code, 3, err);
      assert.match(err, /bad\.ssz: BeaconState: .*(field|offset)/);
    }
  });

  for (const [name, args, code, message] of [
    ["an unknown command", ["walk"], 2, /unknown command/],
    ["an unknown type", ["root", "Blocks", "x"], 2, /no type "Blocks"/],
    ["an unknown fork", ["root", "Attestation", "x", "--fork", "serenity"], 2, /serenity/],
    [
      "a type that the fork lacks",
      ["root", "SyncAggregate", "block.ssz", "--fork", "phase0"],
      2,
      /phase0 has no SyncAggregate/,
    ],
    ["a file that is not there", ["root", "BeaconState", "/nonexistent.ssz"], 3, /ENOENT.*nonexistent/],
    ["a fork that nothing tells", ["root", "BeaconBlockBody", "block.ssz"], 2, /give --fork/],
    ["two networks", ["root", "Fork", "block.ssz", "--network", "sepolia", "--config", "x"], 2, /one of/],
    ["a network of no config", ["types", "--network", "ephemery"], 2, /no lasting config/],
    ["a preset that the network lacks", ["types", "--network", "sepolia", "--preset", "minimal"], 2, /mainnet preset/],
    ["a place that is not there", ["proof", "SignedBeaconBlock", "block.ssz", "message.boy", ...FULU], 2, /has no boy/],
    ["an index that is not there", ["proof", "SignedBeaconBlock", "block.ssz", "9999", ...FULU], 2, /no node/],
    ["another scheme", ["root", "Fork", "ftp://x/y"], 2, /only http/],
    ["a count that is none", ["diff", "Fork", "a", "b", "--max", "-1"], 2, /whole number/],
  ] as const) {
    test(`${name}: code ${code}`, async () => {
      const paths = args.map((arg) => (arg === "block.ssz" ? file(arg) : arg));
      const result = await cresset(paths);
      assert.equal(result.code, code, result.err);
      assert.match(result.err, message);
    });
  }

  for (const [name, text, message] of [
    ["a.json", "{", /not JSON/],
    ["b.json", '{"epoch":"1"}', /missing field \(field root\)/],
    ["c.json", '{"epoch":"1","root":"0x00"}', /1 bytes, 32 allowed \(field root\)/],
    ["d.json", `{"epoch":9007199254740993,"root":"0x${"00".repeat(32)}"}`, /not exact.*\(field epoch\)/],
    [
      "e.json",
      `{"epoch":"18446744073709551616","root":"0x${"00".repeat(32)}"}`,
      /too large for uint64 \(field epoch\)/,
    ],
    ["f.json", `{"epoch":"1","root":"0x${"00".repeat(32)}","x":1}`, /unknown field \(field x\)/],
    ["g.yaml", "epoch: -1\nroot: 0x00", /not a whole number \(field epoch\)/],
    ["h.yaml", "&a [*a, *a]", /not YAML/],
    ["i.ssz_snappy", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x7f, 0), /claims/],
    ["j.ssz_snappy", Uint8Array.of(40, 1, 2, 3), /not a valid snappy block/],
    ["k.ssz", new Uint8Array(41), /41 bytes, 40 expected \(offset 0\)/],
  ] as const) {
    test(`of ${name}: ${message}`, async () => {
      const { code, err } = await cresset(["root", "Checkpoint", bad(name, text)]);
      assert.equal(code, 3, err);
      assert.match(err, message);
      assert.match(err, new RegExp(`${name}: Checkpoint`));
    });
  }
});
