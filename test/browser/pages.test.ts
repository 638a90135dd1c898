/** The pages in a real browser: what they say, that they are live, that they ask nobody else, that they fit a phone. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { silentLogger } from "../../src/base/log.ts";
import { healthOf } from "../../src/status/health.ts";
import { NetworkFeed } from "../../src/status/network-feed.ts";
import type { NodeStatus } from "../../src/status/node-status.ts";
import { PageServer } from "../../src/status/page-server.ts";
import { Browser, findChromium } from "../support/browser.ts";
import { nodeStatus } from "../support/node-status.ts";

const chromium = findChromium();
const PICTURES = resolve(import.meta.dirname, "../../.cache/pages");
const FITS = "document.documentElement.scrollWidth <= innerWidth";
/** The contrast of every text with what is behind it, where that is below 4.5 (3 for large text). */
const FAINT = `(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].filter((c) => c.nodeType === 3).map((c) => c.data.trim()).join("");
    if (!text || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(rgb(style.color)), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) faint.push(text + ": " + ratio.toFixed(2));
  }
  return faint;
})()`;

describe("pages", { skip: chromium === undefined && "no Chromium: set CRESSET_CHROMIUM or install it" }, () => {
  let browser: Browser;
  let status: NodeStatus;
  let change: () => void = () => {};
  const servers: PageServer[] = [];

  before(async () => {
    browser = await Browser.start(chromium!);
    mkdirSync(PICTURES, { recursive: true });
  });
  after(async () => await browser.stop());
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  async function serveNode(): Promise<PageServer> {
    const server = await PageServer.start({
      port: 0,
      page: "node.html",
      read: async () => ({ ...status, health: healthOf(status) }),
      onChange: (listener) => {
        change = listener;
        return () => {};
      },
      log: silentLogger,
    });
    servers.push(server);
    return server;
  }

  async function open(url: string): Promise<void> {
    browser.requests.length = browser.complaints.length = 0;
    await browser.open(url);
    await browser.until("document.body.dataset.live === 'yes'");
  }

  it("show a node, and change with it without being loaded again", { timeout: 60_000 }, async () => {
    status = nodeStatus();
    const { url } = await serveNode();
    await browser.size(1280, 900);
    await open(url);
    assert.equal(await browser.evaluate("document.querySelector('#health h2').textContent"), "All is well");
    const value = (id: string) => browser.evaluate<string>(`document.getElementById("${id}").textContent`);
    assert.deepEqual(
      [await value("head-slot"), await value("justified"), await value("finalized")],
      ["100", "11", "10"],
    );
    assert.match(await value("participation"), /Target98\.5 %/);
    assert.match(await value("execution-note"), /not checked/);
    assert.equal(await browser.evaluate("document.querySelectorAll('#slots li').length"), 32);
    assert.equal(await browser.evaluate("document.querySelectorAll('#slots .missed').length"), 5);
    await browser.screenshot(join(PICTURES, "node.png"));

    status = nodeStatus({ head: { slot: 101, root: `0x${"44".repeat(32)}`, isOptimistic: false }, peerCount: 0 });
    change();
    await browser.until("document.getElementById('head-slot').textContent === '101'");
    assert.equal(await browser.evaluate("document.querySelector('#health h2').textContent"), "There are no peers");
    assert.match(await value("health"), /firewall/);
    assert.deepEqual(browser.complaints, []);
    const asked = browser.requests.filter((address) => !address.startsWith(url));
    assert.deepEqual(asked, [], "asks nobody else");
  });

  it("say when the node is gone, and find it again", { timeout: 60_000 }, async () => {
    status = nodeStatus();
    const server = await serveNode();
    await open(server.url);
    const { port } = new URL(server.url);
    await servers.pop()!.stop();
    await browser.until("document.body.dataset.live === 'no'");
    assert.match(await browser.text(), /No connection to the node/);
    const again = await PageServer.start({
      port: Number(port),
      page: "node.html",
      read: async () => ({ ...status, health: healthOf(status) }),
      onChange: () => () => {},
      log: silentLogger,
    });
    servers.push(again);
    await browser.until("document.body.dataset.live === 'yes'", 20_000);
    assert.match(await browser.text(), /All is well/);
  });

  it("keep what others wrote from becoming part of the page", { timeout: 60_000 }, async () => {
    const evil = `<img src=x onerror="document.body.dataset.evil=1"><script>document.body.dataset.evil=1</script>`;
    status = nodeStatus({
      peers: [{ ...nodeStatus().peers[0]!, agent: evil, address: evil }],
      execution: [{ url: evil, state: "offline", error: evil, client: evil }],
    });
    const { url } = await serveNode();
    await open(url);
    assert.match(await browser.text(), /onerror/);
    assert.equal(await browser.evaluate("document.querySelectorAll('main img, main script').length"), 0);
    assert.equal(await browser.evaluate("document.body.dataset.evil === undefined"), true);
  });

  it("show a local network with a node that is stopped", { timeout: 60_000 }, async () => {
    status = nodeStatus();
    const node = await serveNode();
    const feed = new NetworkFeed([
      { name: "node 0", pageUrl: node.url, isRunning: () => true },
      { name: "node 1", pageUrl: "http://127.0.0.1:9/", isRunning: () => false },
    ]);
    const facts = { folder: "/tmp/net", preset: "minimal", validatorsPerNode: 32 };
    const server = await PageServer.start({
      port: 0,
      page: "devnet.html",
      read: async () => ({ ...facts, ...(await feed.read()) }),
      onChange: (listener) => feed.onChange(listener),
      log: silentLogger,
    });
    servers.push(server);
    await browser.size(1280, 900);
    await open(server.url);
    const rows = await browser.evaluate<string[]>(
      "[...document.querySelectorAll('#nodes tr')].map((r) => r.innerText)",
    );
    assert.equal(rows.length, 2);
    assert.match(rows[0]!, /node 0\s+✓ well\s+100\s+0x111111…1111\s+11\s+10/);
    assert.match(rows[1]!, /node 1\s+! stopped/);
    assert.match(await browser.text(), /node 1: stopped/);
    assert.match(await browser.text(), /all nodes agree/);
    await browser.screenshot(join(PICTURES, "devnet.png"));
    assert.deepEqual(browser.complaints, []);
  });

  for (const [name, width, isDark] of [
    ["a phone", 360, false],
    ["a phone in the dark", 360, true],
    ["a wide screen in the dark", 1600, true],
  ] as const) {
    it(`fit ${name}, with enough contrast`, { timeout: 60_000 }, async () => {
      status = nodeStatus({ peerCount: 0, addresses: [`/ip4/127.0.0.1/tcp/9000/p2p/${"16Uiu2HAm".repeat(6)}`] });
      const { url } = await serveNode();
      await browser.size(width, 800, { isDark });
      await open(url);
      assert.equal(await browser.evaluate(FITS), true);
      assert.deepEqual(await browser.evaluate<string[]>(FAINT), []);
      await browser.screenshot(join(PICTURES, `node-${width}${isDark ? "-dark" : ""}.png`));
    });
  }
});
