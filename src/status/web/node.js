/** The page of one node. */
import {
  bar,
  byId,
  bytes,
  chip,
  duration,
  element,
  follow,
  replace,
  rootCode,
  row,
  runClock,
  setText,
  setTitle,
  showParticipation,
  showSlots,
} from "./common.js";

const DUTY_NAMES = {
  attestation: "Attestations",
  aggregate: "Aggregates",
  block: "Blocks",
  sync_message: "Sync committee messages",
  contribution: "Sync committee contributions",
};
const EXECUTION_WORDS = {
  synced: ["well", "in sync"],
  syncing: ["wait", "syncing"],
  offline: ["error", "does not answer"],
  "auth-failed": ["error", "refuses our token"],
};

const setClock = runClock();

follow((status) => {
  setClock(status);
  showChain(status);
  showParticipation(
    status.participation,
    (epoch) => `Share of the stake that voted right in epoch ${epoch}; two thirds for the target make it justified.`,
  );
  showExecution(status);
  showSlots(status, linesOf);
  showValidators(status);
  showMemory(status);
  showDisk(status);
  showPeers(status);
  setText("network", `${status.network}, ${status.fork}, ${status.validatorCount.toLocaleString("en")} validators`);
  const up = duration(status.nowMs - status.startedMs);
  setText("footer", `Cresset ${status.version}, up for ${up}. This page asks this node and nobody else.`);
  setTitle(status.health, `Cresset · ${status.network}`);
});

function showChain({ head, justified, finalized, sync, slot }) {
  setText("head-slot", head.slot);
  replace("head-root", [rootCode(head.root), head.isOptimistic ? " not verified yet" : ""]);
  setText("justified", justified.epoch);
  setText("finalized", finalized.epoch);
  const behind = Math.max(0, slot - head.slot);
  const rate = sync.slotsPerSecond > 0 ? `, ${sync.slotsPerSecond.toFixed(1)} slots/s` : "";
  const text =
    sync.state === "synced"
      ? behind <= 1
        ? "in sync"
        : `${behind} slots behind`
      : `to slot ${sync.targetSlot}${rate}`;
  replace("sync", [chip(sync.state === "synced" ? (behind <= 4 ? "well" : "warning") : "wait", text)]);
}

function showExecution({ execution }) {
  const rows = execution.flatMap(({ url, state, client, error }) => [
    element("dt", {}, client ?? "Client"),
    element("dd", {}, chip(...EXECUTION_WORDS[state])),
    element("dt", {}, "Address"),
    element("dd", {}, element("code", {}, url)),
    ...(error ? [element("dt", {}, "Error"), element("dd", {}, error)] : []),
  ]);
  replace("execution", rows);
  setText(
    "execution-note",
    execution.length === 0 ? "None: payloads are not checked. This is for test networks only." : "",
  );
}

function linesOf({ slot, proposer, delayMs, blobs, transactions }) {
  const lines = slot === 0 ? ["genesis"] : [`by ${proposer}`];
  if (blobs > 0) lines.push(`${blobs} ${blobs === 1 ? "blob" : "blobs"}`);
  else if (transactions > 0) lines.push(`${transactions} tx`);
  if (delayMs !== undefined) lines.push(`${(delayMs / 1000).toFixed(2)} s`);
  return lines;
}

function showValidators({ validators }) {
  byId("validators-card").hidden = validators === undefined;
  if (validators === undefined) return;
  const { count, active, nextProposal, duties, list } = validators;
  const next = nextProposal
    ? ` Next block: slot ${nextProposal.slot} by validator ${nextProposal.validatorIndex}.`
    : "";
  setText("validators-summary", `${active} of ${count} active.${next}`);
  const rows = Object.entries(duties).map(([kind, { done, missed, refused, rejected }]) =>
    row(DUTY_NAMES[kind] ?? kind, ...[done, missed, refused, rejected].map((n) => n.toLocaleString("en"))),
  );
  replace("duties", rows);
  replace("validators", list.map(validatorRow));
}

function validatorRow(of) {
  const missed = Math.max(of.lastMissedAttestationSlot, of.lastMissedProposalSlot);
  const attested =
    of.lastAttestedSlot < 0 ? "–" : `${of.lastAttestedSlot} (+${(of.lastAttestationDelayMs / 1000).toFixed(2)} s)`;
  const balance = `${(of.balanceGwei / 1e9).toFixed(4)} ETH`;
  const made = row(
    String(of.index ?? "–"),
    of.status,
    balance,
    attested,
    slotText(of.lastProposedSlot),
    slotText(of.lastSyncMessageSlot),
    slotText(missed),
  );
  made.title = of.pubkey;
  return made;
}

function showMemory({ memory: { rssBytes, limitBytes, holders } }) {
  const of = limitBytes === undefined ? "" : ` of ${bytes(limitBytes)}`;
  const max = limitBytes ?? rssBytes;
  const bars = holders.map((holder) => bar(holder.name, bytes(holder.bytes), holder.bytes, max));
  replace("memory", [bar("Process", `${bytes(rssBytes)}${of}`, rssBytes, max), ...bars]);
}

function showDisk({ disk: { freeBytes, holders } }) {
  const used = holders.reduce((sum, holder) => sum + holder.bytes, 0);
  const bars = holders.map((holder) => bar(holder.name, bytes(holder.bytes), holder.bytes, Math.max(1, used)));
  replace("disk", [
    bar("Used by this node", `${bytes(used)}, ${bytes(freeBytes)} free`, used, used + freeBytes),
    ...bars,
  ]);
}

function showPeers({ peers, peerCount, addresses }) {
  setText("peer-count", peerCount);
  replace(
    "peers",
    peers.map((peer) => {
      const made = row(peer.id.slice(-8), peer.agent || "–", peer.direction, peer.headSlot ?? "–");
      made.title = peer.address;
      return made;
    }),
  );
  setText("address", addresses[0] ? `Others reach this node at ${addresses[0]}` : "");
}

function slotText(slot) {
  return slot < 0 ? "–" : String(slot);
}
