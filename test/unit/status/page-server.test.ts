/** The page's server: what it hands out, to whom, and what it refuses. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { afterEach, describe, it } from "node:test";
import { UsageError } from "../../../src/base/errors.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { PageServer } from "../../../src/status/page-server.ts";

const servers: PageServer[] = [];
let change: () => void = () => {};
let count = 0;

async function start(options: { port?: number; read?: () => Promise<object> } = {}): Promise<PageServer> {
  const server = await PageServer.start({
    port: options.port ?? 0,
    page: "node.html",
    read: options.read ?? (async () => ({ count: ++count })),
    onChange: (listener) => {
      change = listener;
      return () => {};
    },
    log: silentLogger,
  });
  servers.push(server);
  return server;
}

function ask(url: string, options: { host?: string; method?: string } = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const { method = "GET", host } = options;
    request(url, { method, headers: host === undefined ? {} : { host } }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on("error", reject)
      .end();
  });
}

describe("page server", () => {
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  it("hands out the page and its parts, each with a policy that allows this server alone", async () => {
    const { url } = await start();
    for (const [path, type] of [
      ["", "text/html"],
      ["node.js", "text/javascript"],
      ["common.js", "text/javascript"],
      ["style.css", "text/css"],
      ["icon.svg", "image/svg"],
    ] as const) {
      const response = await fetch(url + path);
      assert.equal(response.status, 200, path);
      assert.ok(response.headers.get("content-type")!.startsWith(type), path);
      const policy = response.headers.get("content-security-policy")!;
      assert.match(policy, /default-src 'none'/);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
      assert.doesNotMatch(await response.text(), /(?:src|href)="(?:https?:)?\/\//);
    }
  });

  it("refuses other paths, other methods and names that are not this machine's", async () => {
    const { url } = await start();
    assert.equal(await ask(`${url}../package.json`), 404);
    assert.equal(await ask(`${url}%2e%2e/package.json`), 404);
    assert.equal(await ask(`${url}status.json`, { method: "POST" }), 405);
    for (const host of ["evil.example", "evil.example:80", "127.0.0.1.evil.example"]) {
      assert.equal(await ask(url, { host }), 421, host);
    }
    for (const host of ["localhost", "localhost:80", "192.168.1.7:80", "[::1]:80"]) {
      assert.equal(await ask(url, { host }), 200, host);
    }
  });

  it("tells those who watch of every change, several at once as one", async () => {
    const { url } = await start();
    const response = await fetch(`${url}events`);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const next = async () => JSON.parse((await reader.read()).value!.slice("data: ".length)) as { count: number };
    const first = await next();
    for (let i = 0; i < 10; i++) change();
    assert.equal((await next()).count, first.count + 1);
    change();
    assert.equal((await next()).count, first.count + 2);
    await reader.cancel();
  });

  it("does not read anything while nobody watches", async () => {
    await start();
    const before = count;
    change();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(count, before);
  });

  it("lets no more watch than it can feed", async () => {
    const { url } = await start();
    const watchers = await Promise.all(Array.from({ length: 16 }, () => fetch(`${url}events`)));
    assert.equal((await fetch(`${url}events`)).status, 503);
    await Promise.all(watchers.map(({ body }) => body!.cancel()));
  });

  it("says that the node cannot tell, and names a port that is taken", async () => {
    const { url } = await start({ read: async () => Promise.reject(new Error("no")) });
    const response = await fetch(`${url}status.json`);
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /Error/);
    const { port } = new URL(url);
    await assert.rejects(start({ port: Number(port) }), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /the port is taken/);
      return true;
    });
  });
});
