/** Says whether all is well with a node, and if not, what is wrong and what to do about it. */
import type { ExecutionStatus, NodeStatus } from "./node-status.ts";

/** `wait`: nothing is wrong, and it is not ready yet. */
export type HealthLevel = "well" | "wait" | "warning" | "error";

export interface Problem {
  readonly level: Exclude<HealthLevel, "well">;
  readonly what: string;
  readonly advice: string;
}

export interface Health {
  readonly level: HealthLevel;
  readonly title: string;
  readonly problems: readonly Problem[];
}

const LEVELS: readonly HealthLevel[] = ["well", "wait", "warning", "error"];
/** A head this many slots behind is late; empty slots alone make two or three at times. */
const LATE_SLOTS = 4;
/** A checkpoint is final two epochs after its own at best; twice that is trouble. */
const LATE_FINALITY_EPOCHS = 4;
const LOW_DISK_BYTES = 5 * 2 ** 30;
const NO_DISK_BYTES = 2 ** 30;

export function healthOf(status: NodeStatus): Health {
  const checks = [checkStart, checkExecution, checkPeers, checkHead, checkFinality, checkDuties, checkRoom];
  const problems = checks.flatMap((check) => check(status));
  problems.sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level));
  const [worst] = problems;
  return { level: worst?.level ?? "well", title: worst?.what ?? "All is well", problems };
}

function checkStart({ slot, genesisMs, nowMs }: NodeStatus): Problem[] {
  if (slot >= 0) return [];
  const seconds = Math.ceil((genesisMs - nowMs) / 1000);
  return [
    {
      level: "wait",
      what: `The chain begins in ${duration(seconds)}`,
      advice: "Nothing to do: the node is ready and waits for genesis.",
    },
  ];
}

function checkExecution({ execution }: NodeStatus): Problem[] {
  const usable = execution.find(({ state }) => state === "synced");
  return execution.flatMap((client) => {
    if (client.state === "synced") return [];
    // Another client does its work meanwhile.
    const problem = executionProblem(client);
    return [usable === undefined ? problem : { ...problem, level: "warning" as const }];
  });
}

function executionProblem({ url, state, error }: ExecutionStatus): Problem {
  if (state === "syncing") {
    return {
      level: "wait",
      what: `The execution client at ${url} is still syncing`,
      advice: "Nothing to do but wait: blocks are followed, and validators begin when it is done.",
    };
  }
  if (state === "auth-failed") {
    return {
      level: "error",
      what: `The execution client at ${url} refuses our token`,
      advice: "Give both programs the same file with --jwt-secret, and check that the clock of each machine is right.",
    };
  }
  return {
    level: "error",
    what: `The execution client at ${url} does not answer`,
    advice: `Start it, or correct --execution-endpoint.${error ? ` The last error: ${error}` : ""}`,
  };
}

function checkPeers({ peerCount, slot }: NodeStatus): Problem[] {
  if (peerCount > 0 || slot < 0) return [];
  return [
    {
      level: "error",
      what: "There are no peers",
      advice: "Check the network connection, that the addresses of --peer are right, and that no firewall is between.",
    },
  ];
}

function checkHead({ slot, head, sync, peerCount }: NodeStatus): Problem[] {
  if (slot < 0) return [];
  const behind = slot - head.slot;
  if (sync.state !== "synced") {
    const left = sync.secondsLeft === undefined ? "" : `, about ${duration(sync.secondsLeft)} left`;
    const what = `Catching up: ${Math.max(0, sync.targetSlot - head.slot)} slots to go${left}`;
    return [{ level: "wait", what, advice: "Nothing to do: validators begin when it is done." }];
  }
  if (behind > LATE_SLOTS && peerCount > 0) {
    return [
      {
        level: "warning",
        what: `The newest block is ${behind} slots old`,
        advice: "If other nodes have newer ones, check this machine's clock and its load; else proposers are missing.",
      },
    ];
  }
  if (!head.isOptimistic) return [];
  const advice = "Nothing to do if the execution client is syncing. Validators wait until it has.";
  return [{ level: "wait", what: "The execution client has not verified the head yet", advice }];
}

function checkFinality({ slot, slotsPerEpoch, finalized, sync }: NodeStatus): Problem[] {
  const epochs = Math.floor(slot / slotsPerEpoch) - finalized.epoch;
  if (sync.state !== "synced" || epochs <= LATE_FINALITY_EPOCHS) return [];
  return [
    {
      level: "warning",
      what: `Nothing was finalized for ${epochs} epochs`,
      advice:
        "More than a third of the stake does not vote, or this node does not hear it. Compare with another node; if it is the same there, the network as a whole has trouble.",
    },
  ];
}

function checkDuties({ validators, slot, slotsPerEpoch }: NodeStatus): Problem[] {
  if (validators === undefined) return [];
  const since = slot - 2 * slotsPerEpoch;
  const missing = validators.list.filter(
    ({ lastMissedAttestationSlot, lastMissedProposalSlot }) =>
      lastMissedAttestationSlot > since || lastMissedProposalSlot > since,
  );
  if (missing.length === 0 || since < 0) return [];
  const [{ lastError }] = missing as [(typeof missing)[0]];
  return [
    {
      level: "warning",
      what: `${missing.length} ${missing.length === 1 ? "validator has" : "validators have"} missed a duty in the last two epochs`,
      advice: `Check the machine's clock and load.${lastError ? ` The last error: ${lastError}` : ""}`,
    },
  ];
}

function checkRoom({ disk, memory }: NodeStatus): Problem[] {
  const problems: Problem[] = [];
  if (disk.freeBytes < LOW_DISK_BYTES) {
    const isFull = disk.freeBytes < NO_DISK_BYTES;
    problems.push({
      level: isFull ? "error" : "warning",
      what: `The disk has ${(disk.freeBytes / 2 ** 30).toFixed(1)} GiB left`,
      advice: "Make room, or move the data directory to a larger disk.",
    });
  }
  if (memory.limitBytes !== undefined && memory.rssBytes > memory.limitBytes) {
    const advice = "Close other programs, or give the node more with --memory.";
    problems.push({ level: "warning", what: "The node uses more memory than its budget", advice });
  }
  return problems;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${seconds} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return `${Math.round(seconds / 3600)} hours`;
}
