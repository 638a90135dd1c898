/** What a benchmark ran on: without it, its figures say nothing. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { implementation } from "../crypto/sha256.ts";

export interface MachineFacts {
  /** The label given by the user, else the board's own name. */
  readonly board: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly architecture: string;
  readonly node: string;
  readonly sha256: string;
  /** Of the last minute: well above zero before the start means that the figures are too high. */
  readonly load: number;
}

/** ARM's part numbers of the cores in the boards at hand; Linux gives no name. */
const ARM_PARTS: Readonly<Record<string, string>> = {
  "0xd03": "Cortex-A53",
  "0xd04": "Cortex-A35",
  "0xd05": "Cortex-A55",
  "0xd07": "Cortex-A57",
  "0xd08": "Cortex-A72",
  "0xd0a": "Cortex-A75",
  "0xd0b": "Cortex-A76",
  "0xd0c": "Neoverse-N1",
};

export function machineFacts(label?: string): MachineFacts {
  return {
    board: label ?? boardName(),
    cpu: cpuName(),
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    architecture: process.arch,
    node: process.version,
    sha256: implementation(),
    load: loadavg()[0]!,
  };
}

/** One line a fact, for people. */
export function describeMachine(facts: MachineFacts): string {
  const { board, cpu, cores, memoryMiB, architecture, node, sha256, load } = facts;
  const machine = `${board}: ${cpu} (${architecture}), ${cores} cores, ${memoryMiB} MiB of memory`;
  return `${machine}\nNode ${node}, SHA-256 by ${sha256}, load ${load.toFixed(1)} before the start\n`;
}

function boardName(): string {
  const name = readText("/proc/device-tree/model").replace(/\0/g, "").trim();
  return name === "" ? "this machine" : name;
}

function cpuName(): string {
  const model = cpus()[0]?.model.trim();
  if (model !== undefined && model !== "" && model !== "unknown") return model;
  const part = /^CPU part\s*:\s*(0x[0-9a-f]+)/im.exec(readText("/proc/cpuinfo"))?.[1]?.toLowerCase();
  if (part === undefined) return "unknown CPU";
  return ARM_PARTS[part] ?? `ARM part ${part}`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
