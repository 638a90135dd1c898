/** Faults of a local network by plan: a YAML list of what happens when, to which nodes, and for how long. */
import { readFileSync, statSync } from "node:fs";
import { parse } from "yaml";
import { UsageError } from "../base/errors.ts";

const ACTIONS = [
  ...(["kill", "stop", "restart", "pause", "resume", "cut", "heal"] as const),
  ...(["late-blocks", "mute", "clock-skew"] as const),
] as const;

export interface ScenarioStep {
  readonly slot: number;
  readonly do: (typeof ACTIONS)[number];
  readonly nodes: readonly number[];
  /** The other ends of links that are cut; all others unless told. */
  readonly from: readonly number[];
  /** Of late blocks and of wrong clocks. */
  readonly ms: number;
  /** Slots after which it is undone; for good unless told. */
  readonly forSlots: number | undefined;
}

interface Network {
  readonly nodes: number;
  readonly slotsPerEpoch: number;
}

const MAX_BYTES = 65_536;
const MAX_STEPS = 1_000;
const KEYS = ["at", "do", "node", "from", "ms", "for"];

/** @throws UsageError that names the step */
export function loadScenario(file: string, network: Network): ScenarioStep[] {
  if (statSync(file).size > MAX_BYTES) throw new UsageError(`${file} is too big for a scenario`);
  return parseScenario(readFileSync(file, "utf8"), network, file);
}

export function parseScenario(text: string, network: Network, file = "scenario"): ScenarioStep[] {
  let list: unknown;
  try {
    list = parse(text);
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`, { cause: error });
  }
  if (!Array.isArray(list) || list.length > MAX_STEPS) {
    throw new UsageError(`${file}: a scenario is a list of at most ${MAX_STEPS} steps`);
  }
  return list.map((item: unknown, k) => parseStep(item, network, `${file}, step ${k + 1}`));
}

/** What ends a step after its time. */
export function undoing(step: ScenarioStep): ScenarioStep | undefined {
  const { slot, forSlots, do: name } = step;
  if (forSlots === undefined || forSlots === 0) return undefined;
  const end = { ...step, slot: slot + forSlots, forSlots: undefined };
  switch (name) {
    case "kill":
    case "stop":
    case "clock-skew":
      return { ...end, do: "restart" };
    case "pause":
      return { ...end, do: "resume" };
    case "cut":
      return { ...end, do: "heal" };
    case "late-blocks":
      return { ...end, ms: 0 };
    case "mute":
      return { ...end, forSlots: 0 };
    default:
      return undefined;
  }
}

function parseStep(item: unknown, network: Network, where: string): ScenarioStep {
  if (typeof item !== "object" || item === null) throw new UsageError(`${where}: a step has fields such as at and do`);
  const fields = item as Record<string, unknown>;
  const unknown = Object.keys(fields).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new UsageError(`${where}: ${unknown} is none of ${KEYS.join(", ")}`);
  const name = ACTIONS.find((action) => action === fields.do);
  if (name === undefined) throw new UsageError(`${where}: do is ${fields.do}, none of ${ACTIONS.join(", ")}`);
  const ms = fields.ms === undefined ? 0 : Number(fields.ms);
  if (!Number.isInteger(ms)) throw new UsageError(`${where}: ms is ${fields.ms}, no number of milliseconds`);
  const needsMs = name === "late-blocks" || name === "clock-skew";
  if (needsMs && fields.ms === undefined) throw new UsageError(`${where}: ${name} needs ms`);
  return {
    slot: slotOf(fields.at, network, `${where}: at`),
    do: name,
    nodes: indices(fields.node, network, where),
    from: indices(fields.from, network, where),
    ms,
    forSlots: fields.for === undefined ? undefined : slotOf(fields.for, network, `${where}: for`),
  };
}

/** `slot 12` or `epoch 3`; `5 slots` and `2 epochs` as well. */
function slotOf(value: unknown, { slotsPerEpoch }: Network, where: string): number {
  const match = /^(?:(slot|epoch) (\d{1,6})|(\d{1,6}) (slot|epoch)s?)$/.exec(String(value));
  if (match === null) throw new UsageError(`${where} is ${value}, not like slot 12, epoch 3, 5 slots or 2 epochs`);
  const unit = match[1] ?? match[4];
  return Number(match[2] ?? match[3]) * (unit === "epoch" ? slotsPerEpoch : 1);
}

/** One, a list, or by default all. */
function indices(value: unknown, { nodes }: Network, where: string): number[] {
  if (value === undefined) return Array.from({ length: nodes }, (_, k) => k);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  for (const index of list) {
    const isNode = Number.isInteger(index) && (index as number) >= 0 && (index as number) < nodes;
    if (!isNode) throw new UsageError(`${where}: there is no node ${index}`);
  }
  return list as number[];
}
