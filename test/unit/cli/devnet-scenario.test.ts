/** Plans of faults: what they may say, and that everything is undone in its time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UsageError } from "../../../src/base/errors.ts";
import type { DevnetNode } from "../../../src/cli/devnet-node.ts";
import { Scenario } from "../../../src/cli/devnet-scenario.ts";
import { type NodeFault, NodeFaults } from "../../../src/cli/node-faults.ts";
import { parseScenario } from "../../../src/cli/scenario-steps.ts";
import type { BeaconApi } from "../../../src/validator/beacon-api.ts";

const NETWORK = { nodes: 3, slotsPerEpoch: 8 };

async function play(text: string, slots: number): Promise<string[]> {
  const done: string[] = [];
  let slot = 0;
  const nodes = Array.from({ length: NETWORK.nodes }, (_, index) => {
    const note = (what: string) => async (extra?: readonly string[]) => {
      done.push(`${slot} ${what} ${index}${extra?.length ? ` ${extra.join(" ")}` : ""}`);
    };
    const calls = Object.fromEntries(["kill", "stop", "pause", "resume", "start"].map((name) => [name, note(name)]));
    const send = (fault: NodeFault): void => {
      if (fault.do !== "refuse-peers") done.push(`${slot} ${JSON.stringify(fault)} ${index}`);
    };
    return { index, pageUrl: "http://127.0.0.1:9/", send, ...calls } as unknown as DevnetNode;
  });
  const scenario = new Scenario({ steps: parseScenario(text, NETWORK), nodes, say: () => {} });
  for (; slot < slots; slot++) await scenario.onSlot(slot);
  assert.equal(scenario.isOver, true);
  return done;
}

describe("scenario of a local network", () => {
  it("reads slots and epochs, one node, some or all", () => {
    const steps = parseScenario(
      "[{ at: epoch 2, do: kill, node: 1, for: 1 epoch }, { at: slot 3, do: stop, node: [0, 2] }, { at: slot 0, do: heal }]",
      NETWORK,
    );
    assert.deepEqual(
      steps.map(({ slot, nodes, forSlots }) => [slot, nodes, forSlots]),
      [
        [16, [1], 8],
        [3, [0, 2], undefined],
        [0, [0, 1, 2], undefined],
      ],
    );
  });

  for (const [text, message] of [
    ["{}", /a scenario is a list/],
    ["[1]", /step 1: a step has fields/],
    ["[{ at: slot 1, do: explode }]", /step 1: do is explode, none of kill/],
    ["[{ at: slot 1, do: kill, node: 3 }]", /there is no node 3/],
    ["[{ at: slot 1, do: kill, node: -1 }]", /there is no node -1/],
    ["[{ at: soon, do: kill }]", /at is soon, not like slot 12/],
    ["[{ at: slot 1, do: kill, for: ever }]", /for is ever/],
    ["[{ at: slot 1, do: late-blocks }]", /late-blocks needs ms/],
    ["[{ at: slot 1, do: late-blocks, ms: long }]", /ms is long/],
    ["[{ at: slot 1, do: kill, nodes: 1 }]", /nodes is none of at/],
    ["[{ at: slot 1", /scenario: /],
  ] as const) {
    it(`says what is wrong with ${text}`, () => {
      assert.throws(
        () => parseScenario(text, NETWORK),
        (error: Error) => error instanceof UsageError && message.test(error.message),
      );
    });
  }

  it("does each step in its slot and undoes it in time", async () => {
    const done = await play(
      `
- { at: slot 5, do: pause, node: 2, for: 2 slots }
- { at: slot 1, do: kill, node: 1, for: 3 slots }
- { at: slot 2, do: late-blocks, node: 0, ms: 700, for: 4 slots }
- { at: slot 3, do: mute, node: 2, for: 2 slots }
- { at: slot 8, do: clock-skew, node: 0, ms: -500, for: 1 slot }
`,
      20,
    );
    assert.deepEqual(done, [
      "1 kill 1",
      '2 {"do":"late-blocks","ms":700} 0',
      '3 {"do":"mute","isMute":true} 2',
      "4 stop 1",
      "4 start 1",
      "5 pause 2",
      '5 {"do":"mute","isMute":false} 2',
      '6 {"do":"late-blocks","ms":0} 0',
      "7 resume 2",
      "8 stop 0",
      "8 start 0 --clock-offset -500",
      "9 stop 0",
      "9 start 0",
    ]);
  });
});

describe("faults of a node", () => {
  it("hold blocks back, send nothing, and leave the rest alone", async () => {
    const sent: string[] = [];
    const api = {
      name: "api",
      publishBlock: async () => {
        sent.push("block");
        return { isImported: true };
      },
      submitAttestations: async () => {
        sent.push("attestations");
        return [{ index: 0, message: "no" }];
      },
      getHeadBlockRoot: async () => new Uint8Array(32),
    } as unknown as BeaconApi;
    const faults = new NodeFaults();
    const faulty = faults.around(api);
    assert.equal(faulty.name, "api");
    assert.equal((await faulty.getHeadBlockRoot()).length, 32);
    await faulty.publishBlock({} as never);
    assert.equal((await faulty.submitAttestations({} as never)).length, 1);
    faults.apply({ do: "mute", isMute: true });
    assert.deepEqual(await faulty.submitAttestations({} as never), []);
    assert.deepEqual(await faulty.publishBlock({} as never), { isImported: false });
    assert.deepEqual(sent, ["block", "attestations"]);
    faults.apply({ do: "mute", isMute: false });
    faults.apply({ do: "late-blocks", ms: 60 });
    const beganMs = performance.now();
    await faulty.publishBlock({} as never);
    assert.ok(performance.now() - beganMs >= 55);
    let refused: ReadonlySet<string> = new Set();
    faults.onRefusedPeers = (peers) => {
      refused = peers;
    };
    faults.apply({ do: "refuse-peers", peers: ["a", "b"] });
    assert.deepEqual([...refused], ["a", "b"]);
  });
});
