/** Static peers and the identity key. */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../../src/base/log.ts";
import { loadIdentityKey } from "../../src/network/identity-key.ts";
import { Peers } from "../../src/network/peers.ts";
import { StaticPeers } from "../../src/network/static-peers.ts";
import { TestNode, waitUntil } from "../support/network-node.ts";
import { temporaryFolder } from "./db/fixtures.ts";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a peer that is gone is dialled again, more and more rarely", async () => {
  let nowMs = 0;
  let dials = 0;
  let isConnected = false;
  const peers = new StaticPeers({
    log: silentLogger,
    nowMs: () => nowMs,
    isConnected: () => isConnected,
    dial: async () => {
      dials++;
      throw new Error("nobody there");
    },
  });
  peers.add("/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAmTdaNhiLL3HfkRCtvYf9vKJD6WrRwwqLXLyp5ok59UvAd");
  const advance = async (seconds: number): Promise<number> => {
    const before = dials;
    for (let i = 0; i < seconds; i++) {
      nowMs += 1000;
      peers.tick();
      await settled();
    }
    return dials - before;
  };
  const early = await advance(60);
  assert.ok(early >= 4 && early <= 7, `${early} dials in the first minute`);
  await advance(600);
  const late = await advance(600);
  assert.ok(late >= 7 && late <= 13, `${late} dials in ten minutes`);
  isConnected = true;
  assert.equal(await advance(600), 0);
  isConnected = false;
  assert.equal((await advance(80)) >= 2, true, "after a connection it starts over");
});

test("addresses that are none are refused", () => {
  const peers = new StaticPeers({ log: silentLogger, isConnected: () => false, dial: async () => "" });
  for (const text of ["", "127.0.0.1:9000", "/ip4/300.0.0.1/tcp/1"]) {
    assert.throws(() => peers.add(text), { code: "USAGE" }, text);
  }
});

test("a static peer is found again after its restart, under the same key", async () => {
  const identityKeyFile = join(temporaryFolder(), "network", "key");
  const first = new TestNode({ identityKeyFile });
  await first.network.start();
  const { id, address } = first;
  assert.equal(statSync(identityKeyFile).mode & 0o777, 0o600);
  const node = new TestNode({ staticPeers: [address.replace(/\/p2p\/.*$/, "")] });
  await node.network.start();
  try {
    await waitUntil(() => node.statuses.has(id), "connected");
    await first.network.stop();
    await waitUntil(() => node.gone.includes(id), "gone");
    node.statuses.clear();
    const listen = [address.replace(/\/p2p\/.*$/, "")];
    const second = new TestNode({ identityKeyFile, listen });
    await second.network.start();
    try {
      assert.equal(second.id, id);
      await waitUntil(() => node.statuses.has(id), "connected again", 15_000);
    } finally {
      await second.network.stop();
    }
  } finally {
    await node.network.stop();
  }
});

test("a damaged key file is refused and left alone", async () => {
  const path = join(temporaryFolder(), "key");
  for (const text of ["", "abcd", "00".repeat(32)]) {
    writeFileSync(path, text);
    await assert.rejects(loadIdentityKey(path), { code: "STORAGE" });
    assert.equal(readFileSync(path, "utf8"), text);
  }
});

test("points for misbehaviour halve in ten minutes, a ban ends after thirty", () => {
  let nowMs = 0;
  const peers = new Peers({ nowMs: () => nowMs });
  assert.equal(peers.report("a", "high"), "none");
  assert.equal(peers.report("a", "high"), "none");
  assert.equal(peers.report("a", "high"), "disconnect");
  nowMs += 10 * 60_000;
  assert.equal(Math.round(peers.score("a")), -30);
  assert.equal(peers.report("a", "fatal"), "ban");
  assert.equal(peers.isBanned("a"), true);
  nowMs += 31 * 60_000;
  assert.equal(peers.isBanned("a"), false);
  assert.equal(peers.score("b"), 0);
});
