/** Plays a plan of faults on the nodes of a local network. */
import type { DevnetNode } from "./devnet-node.ts";
import { type ScenarioStep, undoing } from "./scenario-steps.ts";

const TIMEOUT_MS = 2_000;

export class Scenario {
  readonly #steps: ScenarioStep[];
  readonly #nodes: readonly DevnetNode[];
  readonly #say: (text: string) => void;
  /** Links that are cut, as `0-2`. */
  readonly #cuts = new Set<string>();
  readonly #peerIds = new Map<number, string>();

  constructor(parts: { steps: readonly ScenarioStep[]; nodes: readonly DevnetNode[]; say: (text: string) => void }) {
    this.#steps = [...parts.steps].sort((a, b) => a.slot - b.slot);
    this.#nodes = parts.nodes;
    this.#say = parts.say;
  }

  /** Nothing is left to happen. */
  get isOver(): boolean {
    return this.#steps.length === 0;
  }

  /** Does what is due. */
  async onSlot(slot: number): Promise<void> {
    while (this.#steps.length > 0 && this.#steps[0]!.slot <= slot) {
      const step = this.#steps.shift()!;
      this.#say(`slot ${slot}: ${step.do} ${step.nodes.map((index) => `node ${index}`).join(", ")}`);
      await this.#act(step);
      const end = undoing(step);
      if (end === undefined) continue;
      this.#steps.push(end);
      this.#steps.sort((a, b) => a.slot - b.slot);
    }
  }

  async #act(step: ScenarioStep): Promise<void> {
    if (step.do === "cut" || step.do === "heal") return this.#setLinks(step);
    await Promise.all(step.nodes.map((index) => this.#actOn(this.#nodes[index]!, step)));
  }

  async #actOn(node: DevnetNode, { do: name, ms, forSlots }: ScenarioStep): Promise<void> {
    switch (name) {
      case "kill":
        return node.kill();
      case "stop":
        return node.stop();
      case "restart":
        return this.#startAnew(node);
      case "clock-skew":
        return this.#startAnew(node, ["--clock-offset", String(ms)]);
      case "pause":
        return node.pause();
      case "resume":
        return node.resume();
      case "late-blocks":
        return node.send({ do: "late-blocks", ms });
      case "mute":
        return node.send({ do: "mute", isMute: forSlots !== 0 });
    }
  }

  async #startAnew(node: DevnetNode, flags: readonly string[] = []): Promise<void> {
    await node.stop();
    node.start(flags);
    await this.#tellLinks(node);
  }

  async #setLinks({ do: name, nodes, from }: ScenarioStep): Promise<void> {
    for (const a of nodes) {
      for (const b of from) {
        if (a === b) continue;
        if (name === "cut") this.#cuts.add(linkOf(a, b));
        else this.#cuts.delete(linkOf(a, b));
      }
    }
    for (const node of this.#nodes) await this.#tellLinks(node);
  }

  /** A node that was started anew knows of no cut. */
  async #tellLinks(node: DevnetNode): Promise<void> {
    const others = this.#nodes.filter(({ index }) => this.#cuts.has(linkOf(index, node.index)));
    const peers = await Promise.all(others.map((other) => this.#peerIdOf(other)));
    node.send({ do: "refuse-peers", peers: peers.filter((id) => id !== undefined) });
  }

  /** Its page tells; a node keeps its identity. */
  async #peerIdOf({ index, pageUrl }: DevnetNode): Promise<string | undefined> {
    const known = this.#peerIds.get(index);
    if (known !== undefined) return known;
    try {
      const response = await fetch(new URL("status.json", pageUrl), { signal: AbortSignal.timeout(TIMEOUT_MS) });
      const { addresses } = (await response.json()) as { addresses: string[] };
      const id = /\/p2p\/(\w+)$/.exec(addresses[0] ?? "")?.[1];
      if (id !== undefined) this.#peerIds.set(index, id);
      return id;
    } catch {
      this.#say(`node ${index} does not tell who it is: its links stay as they are`);
      return undefined;
    }
  }
}

function linkOf(a: number, b: number): string {
  return `${Math.min(a, b)}-${Math.max(a, b)}`;
}
