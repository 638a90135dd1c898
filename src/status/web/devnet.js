/** The page of a local network: its nodes side by side. */
import {
  bytes,
  chip,
  element,
  follow,
  percent,
  replace,
  rootCode,
  row,
  runClock,
  setText,
  setTitle,
  showParticipation,
  showSlots,
} from "./common.js";

const EXECUTION_WORDS = { synced: "in sync", syncing: "syncing", offline: "no answer", "auth-failed": "refuses token" };

const setClock = runClock();

follow((net) => {
  replace("nodes", net.nodes.map(nodeRow));
  setText("footer", `Everything is in ${net.folder}. This page asks this machine and nobody else.`);
  const live = net.nodes.filter(({ status }) => status !== undefined).map(({ status }) => status);
  const best = live.reduce((a, b) => (b.head.slot > a.head.slot ? b : a), live[0]);
  if (best === undefined) return;
  setClock(best);
  setText(
    "network",
    `${net.preset} preset, ${best.fork}, ${net.nodes.length} nodes, ${best.validatorCount} validators`,
  );
  setTitle(net.health, "Cresset devnet");
  showFinality(live, best);
  showParticipation(best.participation, (epoch) => `Share of the stake that voted right in epoch ${epoch}.`);
  showBlocks(best);
  showSlots(best, (block) => linesOf(block, net.validatorsPerNode));
});

function nodeRow({ name, pageUrl, state, status }) {
  const link = element("a", { href: pageUrl }, name);
  if (status === undefined) {
    const words = {
      starting: ["wait", "starts"],
      stopped: ["warning", "stopped"],
      silent: ["error", "does not answer"],
    };
    return row(link, chip(...words[state]), ...new Array(9).fill("–"));
  }
  const { head, justified, finalized, peerCount, execution, validators, memory, health } = status;
  const words = { well: "well", wait: "waits", warning: "has a warning", error: "has a problem" };
  const { done = 0, missed = 0 } = validators?.duties.attestation ?? {};
  const engine = execution[0] === undefined ? "none" : EXECUTION_WORDS[execution[0].state];
  const made = chip(health.level, words[health.level]);
  made.title = health.title;
  return row(
    link,
    made,
    head.slot,
    rootCode(head.root),
    justified.epoch,
    finalized.epoch,
    peerCount,
    engine,
    done,
    missed,
    bytes(memory.rssBytes),
  );
}

function showFinality(live, best) {
  setText("now-epoch", Math.max(0, Math.floor(best.slot / best.slotsPerEpoch)));
  setText("justified", Math.min(...live.map(({ justified }) => justified.epoch)));
  setText("finalized", Math.min(...live.map(({ finalized }) => finalized.epoch)));
  const heads = new Set(live.map(({ head }) => head.root)).size;
  replace("heads", [heads === 1 ? chip("well", "all nodes agree") : chip("wait", `${heads} different ones`)]);
}

function showBlocks({ slots, slot: now }) {
  const past = slots.filter(({ slot, root }) => slot > 0 && (slot < now || root !== undefined));
  const blocks = past.filter(({ root }) => root !== undefined);
  const sum = (name) => blocks.reduce((total, block) => total + (block[name] ?? 0), 0);
  const delays = blocks
    .map(({ delayMs }) => delayMs)
    .filter((ms) => ms !== undefined)
    .sort((a, b) => a - b);
  setText("blocks", `${blocks.length} of ${past.length}`);
  setText("blobs", sum("blobs"));
  setText("transactions", sum("transactions"));
  setText("delay", delays.length === 0 ? "–" : `${(delays[delays.length >> 1] / 1000).toFixed(2)} s in the middle`);
}

function linesOf({ slot, proposer, delayMs, blobs, transactions, syncFraction }, validatorsPerNode) {
  const lines = slot === 0 ? ["genesis"] : [`node ${Math.floor(proposer / validatorsPerNode)} · ${proposer}`];
  const load = [
    blobs > 0 ? `${blobs} ${blobs === 1 ? "blob" : "blobs"}` : "",
    transactions > 0 ? `${transactions} tx` : "",
  ];
  if (load.some(Boolean)) lines.push(load.filter(Boolean).join(", "));
  if (syncFraction < 1 && slot > 1) lines.push(`sync ${percent(syncFraction)}`);
  if (delayMs !== undefined) lines.push(`${(delayMs / 1000).toFixed(2)} s`);
  return lines;
}
