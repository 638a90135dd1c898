/** What both pages use: elements, numbers in words, the live connection, the line that says how it is. */

const MARKS = { well: "✓", wait: "…", warning: "!", error: "✕" };
const WORDS = { well: "well", wait: "wait", warning: "warning", error: "error" };

/** @param {string} tag @param {Record<string, unknown>} props @param {...(Node | string)} children */
export function element(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Touches the page only where something is new, so that nothing selected or read aloud is disturbed. */
export function setText(id, text) {
  const node = byId(id);
  if (node.textContent !== String(text)) node.textContent = String(text);
}

export function replace(id, children) {
  byId(id).replaceChildren(...children);
}

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = -1;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function percent(fraction) {
  const value = fraction * 100;
  return `${value === 100 || value === 0 ? value : value.toFixed(1)} %`;
}

export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function shortRoot(root) {
  return `${root.slice(0, 8)}…${root.slice(-4)}`;
}

export function rootCode(root) {
  return element("code", { title: root }, shortRoot(root));
}

export function chip(level, text) {
  return element("span", { className: `chip ${level}` }, `${MARKS[level]} ${text}`);
}

/** A name, a number and a bar for it. */
export function bar(name, text, value, max) {
  const id = `bar-${name.replaceAll(/\W/g, "-")}`;
  const label = element("span", {}, element("span", { id }, name), element("span", {}, text));
  return element("li", {}, label, element("progress", { max, value, "aria-labelledby": id }));
}

/** @param health level, title, problems with what and advice */
export function showHealth(health) {
  const box = byId("health");
  const key = JSON.stringify(health);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.className = `health ${health.level}`;
  const text = element("div", {}, element("h2", {}, health.title));
  const items = health.problems.map(({ level, what, advice }, k) =>
    element("li", {}, ...(k > 0 ? [element("strong", {}, `${WORDS[level]}: ${what}`)] : []), advice),
  );
  if (items.length > 0) text.append(element("ul", {}, ...items));
  box.replaceChildren(element("span", { className: "mark", "aria-hidden": "true" }, MARKS[health.level]), text);
}

/** The slot that runs, moved by the clock of this browser in step with the node's. */
export function runClock() {
  let now;
  const show = () => {
    if (now === undefined) return;
    const nowMs = Date.now() + now.aheadMs;
    const slot = Math.floor((nowMs - now.genesisMs) / now.slotMs);
    const isBefore = slot < 0;
    setText("slot", isBefore ? `genesis in ${duration(now.genesisMs - nowMs)}` : `slot ${slot}`);
    const epoch = Math.floor(slot / now.slotsPerEpoch);
    const inEpoch = ((slot % now.slotsPerEpoch) + now.slotsPerEpoch) % now.slotsPerEpoch;
    setText("epoch", isBefore ? "" : `epoch ${epoch}, ${inEpoch + 1} of ${now.slotsPerEpoch}`);
    byId("slot-progress").value = isBefore ? 0 : (nowMs - now.genesisMs - slot * now.slotMs) / now.slotMs;
  };
  setInterval(show, 250);
  return (status) => {
    now = { ...status, aheadMs: status.nowMs - Date.now() };
    show();
  };
}

/** Calls back with every status; says on the page when there are none any more. */
export function follow(onStatus) {
  const source = new EventSource("events");
  source.onmessage = ({ data }) => {
    const status = JSON.parse(data);
    showHealth(status.health);
    onStatus(status);
    document.body.dataset.live = "yes";
  };
  source.onerror = () => {
    document.body.dataset.live = "no";
    const what = "No connection to the node";
    const advice = "What is below is old. Trying again every few seconds: check that the node runs.";
    showHealth({ level: "error", title: what, problems: [{ level: "error", what, advice }] });
    // After an answer that is no stream, the browser gives up by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5_000);
  };
}

/** A slot as a tile. @param facts lines below its number */
function slotTile({ slot, root, lines, isNow, justifiedSlot, finalizedSlot }) {
  const isMissed = root === undefined;
  const state = isMissed
    ? isNow
      ? "next"
      : "missed"
    : slot <= finalizedSlot
      ? "final"
      : slot <= justifiedSlot
        ? "just"
        : "";
  const told = isMissed ? [isNow ? "waiting" : "no block"] : lines;
  const words = { final: "finalized", just: "justified" };
  const label = `slot ${slot}: ${told.join(", ")}${words[state] ? `, ${words[state]}` : ""}`;
  const parts = told.map((line) => element("div", {}, line));
  return element(
    "li",
    { className: state, title: root ?? "", "aria-label": label },
    element("b", {}, String(slot)),
    ...parts,
  );
}

/** Bars of the three kinds of votes, and a note on them. */
export function showParticipation(participation, note) {
  if (participation === undefined) {
    setText("participation-note", "Known after the first epoch.");
    return;
  }
  const rows = [
    ["Target", participation.target],
    ["Source", participation.source],
    ["Head", participation.head],
  ];
  replace(
    "participation",
    rows.map(([name, value]) => bar(name, percent(value), value, 1)),
  );
  setText("participation-note", note(participation.epoch));
}

/** A tile a slot; `linesOf` says what stands on it. */
export function showSlots({ slots, slot: now, slotsPerEpoch, justified, finalized }, linesOf) {
  const [justifiedSlot, finalizedSlot] = [justified.epoch * slotsPerEpoch, finalized.epoch * slotsPerEpoch];
  const tiles = slots.map((block) => {
    const { slot, root } = block;
    return slotTile({ slot, root, lines: linesOf(block), isNow: slot === now, justifiedSlot, finalizedSlot });
  });
  replace("slots", tiles);
}

/** A row of a table, of nodes and texts. */
export function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => element("td", {}, cell instanceof Node ? cell : String(cell))));
}

/** The page's title says when something is wrong. */
export function setTitle({ level, title }, name) {
  document.title = `${level === "well" ? "" : `${title} · `}${name}`;
}
