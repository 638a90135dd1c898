/** What the page says of a node, from "All is well" to what to do about trouble. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { healthOf } from "../../../src/status/health.ts";
import { networkHealth, type WatchedStatus } from "../../../src/status/network-feed.ts";
import type { NodeStatus, ValidatorStatus } from "../../../src/status/node-status.ts";
import { nodeStatus } from "../../support/node-status.ts";

const ENGINE = { url: "http://127.0.0.1:8551" };
const VALIDATOR: ValidatorStatus = {
  ...{ pubkey: "0xaa", index: 7, status: "active_ongoing", balanceGwei: 32e9 },
  ...{ lastAttestedSlot: 90, lastAttestationDelayMs: 1, lastMissedAttestationSlot: -1 },
  ...{ lastProposedSlot: -1, lastMissedProposalSlot: -1, lastSyncMessageSlot: -1, lastError: "" },
};

function validators(changes: Partial<ValidatorStatus>): Partial<NodeStatus> {
  return { validators: { count: 1, active: 1, duties: {}, list: [{ ...VALIDATOR, ...changes }] } };
}

describe("health of a node", () => {
  it("is well where nothing is wrong", () => {
    assert.deepEqual(healthOf(nodeStatus()), { level: "well", title: "All is well", problems: [] });
    assert.equal(healthOf(nodeStatus(validators({}))).level, "well");
  });

  const cases: [string, Partial<NodeStatus>, string, RegExp, RegExp][] = [
    ["before genesis", { slot: -3, peerCount: 0 }, "wait", /begins in/, /Nothing to do/],
    ["no peers", { peerCount: 0 }, "error", /no peers/, /--peer/],
    [
      "engine away",
      { execution: [{ ...ENGINE, state: "offline", error: "refused" }] },
      "error",
      /does not answer/,
      /refused/,
    ],
    [
      "wrong secret",
      { execution: [{ ...ENGINE, state: "auth-failed" }] },
      "error",
      /refuses our token/,
      /--jwt-secret/,
    ],
    ["engine syncing", { execution: [{ ...ENGINE, state: "syncing" }] }, "wait", /still syncing/, /wait/],
    [
      "catching up",
      { sync: { state: "head", distance: 60, targetSlot: 100, slotsPerSecond: 1, secondsLeft: 60 } },
      "wait",
      /Catching up: 0 slots to go, about 60 seconds left/,
      /Nothing to do/,
    ],
    ["old head", { head: { slot: 90, root: "0x01", isOptimistic: false } }, "warning", /10 slots old/, /clock/],
    ["not verified", { head: { slot: 100, root: "0x01", isOptimistic: true } }, "wait", /not verified/, /syncing/],
    ["no finality", { finalized: { epoch: 7, root: "0x01" } }, "warning", /for 5 epochs/, /third of the stake/],
    [
      "missed",
      validators({ lastMissedAttestationSlot: 99, lastError: "too late" }),
      "warning",
      /1 validator has/,
      /too late/,
    ],
    ["disk full", { disk: { freeBytes: 2 ** 29, holders: [] } }, "error", /0.5 GiB left/, /Make room/],
    ["disk low", { disk: { freeBytes: 2 ** 32, holders: [] } }, "warning", /4.0 GiB left/, /Make room/],
    ["memory", { memory: { rssBytes: 2e9, limitBytes: 1e9, holders: [] } }, "warning", /more memory/, /--memory/],
  ];
  for (const [name, changes, level, title, advice] of cases) {
    it(`tells of: ${name}`, () => {
      const health = healthOf(nodeStatus(changes));
      assert.equal(health.level, level);
      assert.match(health.title, title);
      assert.match(health.problems[0]!.advice, advice);
      assert.equal(health.problems.length, 1);
    });
  }

  it("calls an engine that is away a warning while another one works", () => {
    const execution = [
      { ...ENGINE, state: "offline" as const },
      { ...ENGINE, state: "synced" as const },
    ];
    assert.equal(healthOf(nodeStatus({ execution })).level, "warning");
  });

  it("does not hold old misses against a validator, and puts the worst first", () => {
    assert.equal(healthOf(nodeStatus(validators({ lastMissedAttestationSlot: 80 }))).level, "well");
    const health = healthOf(nodeStatus({ peerCount: 0, ...validators({ lastMissedProposalSlot: 99 }) }));
    assert.deepEqual(
      health.problems.map(({ level }) => level),
      ["error", "warning"],
    );
  });
});

describe("health of a network", () => {
  const node = (name: string, changes: Partial<NodeStatus> = {}): WatchedStatus => {
    const status = nodeStatus(changes);
    return { name, pageUrl: "", state: "running", status: { ...status, health: healthOf(status) } };
  };

  it("is well where every node is", () => {
    assert.equal(networkHealth([node("node 0"), node("node 1")]).title, "All is well");
  });

  it("tells once what several nodes say", () => {
    const all = networkHealth([node("node 0", { peerCount: 0 }), node("node 1", { peerCount: 0 })]);
    assert.deepEqual(
      all.problems.map(({ what }) => what),
      ["All nodes: There are no peers"],
    );
    const silent: WatchedStatus = { name: "node 1", pageUrl: "", state: "silent" };
    const stopped: WatchedStatus = { name: "node 2", pageUrl: "", state: "stopped" };
    const some = networkHealth([node("node 0"), silent, stopped]);
    assert.deepEqual(
      some.problems.map(({ level, what }) => `${level} ${what}`),
      ["error node 1: does not answer", "warning node 2: stopped"],
    );
  });
});
