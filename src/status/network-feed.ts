/** The nodes of a local network on one page: asks each for its status while somebody looks. */
import type { Health, HealthLevel } from "./health.ts";
import type { NodeStatus } from "./node-status.ts";

export interface WatchedNode {
  readonly name: string;
  readonly pageUrl: string;
  /** Whether its process runs. */
  isRunning(): boolean;
}

type PageStatus = NodeStatus & { readonly health: Health };

export interface WatchedStatus {
  readonly name: string;
  readonly pageUrl: string;
  readonly state: "running" | "starting" | "stopped" | "silent";
  readonly status?: PageStatus;
}

export interface NetworkStatus {
  readonly nodes: readonly WatchedStatus[];
  readonly health: Health;
}

const TIMEOUT_MS = 2_000;
const POLL_MS = 1_000;
const LEVELS: readonly HealthLevel[] = ["well", "wait", "warning", "error"];

export class NetworkFeed {
  readonly #nodes: readonly WatchedNode[];
  readonly #answered = new Set<string>();

  constructor(nodes: readonly WatchedNode[]) {
    this.#nodes = nodes;
  }

  onChange(listener: () => void): () => void {
    const timer = setInterval(listener, POLL_MS);
    return () => clearInterval(timer);
  }

  async read(): Promise<NetworkStatus> {
    const nodes = await Promise.all(this.#nodes.map((node) => this.#ask(node)));
    return { nodes, health: networkHealth(nodes) };
  }

  async #ask(node: WatchedNode): Promise<WatchedStatus> {
    const { name, pageUrl } = node;
    if (!node.isRunning()) return { name, pageUrl, state: "stopped" };
    try {
      const response = await fetch(new URL("status.json", pageUrl), { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const status = (await response.json()) as PageStatus;
      this.#answered.add(name);
      return { name, pageUrl, state: "running", status };
    } catch {
      return { name, pageUrl, state: this.#answered.has(name) ? "silent" : "starting" };
    }
  }
}

/** What the nodes say, the worst first; what several say in the same words is told once. */
export function networkHealth(nodes: readonly WatchedStatus[]): Health {
  const found = new Map<
    string,
    { level: Exclude<HealthLevel, "well">; what: string; advice: string; names: string[] }
  >();
  const add = (name: string, level: Exclude<HealthLevel, "well">, what: string, advice: string): void => {
    const known = found.get(what);
    if (known === undefined) found.set(what, { level, what, advice, names: [name] });
    else known.names.push(name);
  };
  for (const { name, state, status } of nodes) {
    if (state === "stopped") add(name, "warning", "stopped", "Its log says why, unless you stopped it.");
    if (state === "starting") add(name, "wait", "starts", "Nothing to do.");
    if (state === "silent") add(name, "error", "does not answer", "Its log may say why.");
    for (const { level, what, advice } of status?.health.problems ?? []) add(name, level, what, advice);
  }
  const problems = [...found.values()]
    .map(({ level, what, advice, names }) => ({
      level,
      what: `${names.length === nodes.length ? "All nodes" : names.join(", ")}: ${what}`,
      advice,
    }))
    .sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level));
  const [worst] = problems;
  return { level: worst?.level ?? "well", title: worst?.what ?? "All is well", problems };
}
