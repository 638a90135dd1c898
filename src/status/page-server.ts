/**
 * Serves a page and what it shows, live. The page comes from files of this program, and its policy forbids the browser
 * to ask anybody else for anything.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { UsageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { gauge } from "../base/metrics.ts";

export interface PageServerOptions {
  readonly port: number;
  /** Where it listens; this machine alone by default. */
  readonly address?: string;
  /** The file of `web/` that is the page. */
  readonly page: "node.html" | "devnet.html";
  /** What the page shows, to be sent as JSON. */
  readonly read: () => Promise<object>;
  /** Calls back whenever there is something new. @returns ends it */
  readonly onChange: (listener: () => void) => () => void;
  readonly log: Logger;
}

const MAX_WATCHERS = 16;
/** Changes in quick succession make one message. */
const SETTLE_MS = 150;
/** Numbers without events of their own, such as memory. */
const REFRESH_MS = 5_000;
/** A watcher who does not read is let go. */
const MAX_UNREAD_BYTES = 1 << 20;
const ASSETS = ["common.js", "node.js", "devnet.js", "style.css", "icon.svg"];
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

const watchersGauge = gauge("cresset_status_watchers", "Open pages");

export class PageServer {
  readonly #options: PageServerOptions;
  readonly #files: Map<string, { body: Buffer; type: string }>;
  readonly #server: Server;
  readonly #watchers = new Set<ServerResponse>();
  #endChanges: () => void = () => {};
  #settle: NodeJS.Timeout | undefined;
  #refresh: NodeJS.Timeout | undefined;

  private constructor(options: PageServerOptions) {
    this.#options = options;
    this.#files = readFiles(options.page);
    this.#server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
      this.#answer(request, response).catch((error: Error) => this.#fail(response, error));
    });
    this.#server.maxConnections = 4 * MAX_WATCHERS;
  }

  /** @throws UsageError when the port is taken */
  static async start(options: PageServerOptions): Promise<PageServer> {
    const page = new PageServer(options);
    const address = options.address ?? "127.0.0.1";
    await new Promise<void>((resolve, reject) => {
      page.#server.once("error", (error: NodeJS.ErrnoException) => {
        const reason = error.code === "EADDRINUSE" ? "the port is taken: choose another" : error.message;
        reject(new UsageError(`the status page cannot listen on ${address}:${options.port}: ${reason}`));
      });
      page.#server.listen(options.port, address, resolve);
    });
    page.#endChanges = options.onChange(() => page.#pushSoon());
    page.#refresh = setInterval(() => page.#pushSoon(), REFRESH_MS);
    return page;
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === "IPv6" ? `[${address}]` : address}:${port}/`;
  }

  async stop(): Promise<void> {
    this.#endChanges();
    clearInterval(this.#refresh);
    clearTimeout(this.#settle);
    for (const watcher of this.#watchers) watcher.end();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (!this.#isMeant(request.headers.host)) return refuse(response, 421, "This page is not served under that name.");
    if (request.method !== "GET") return refuse(response, 405, "Only GET is possible.");
    const path = (request.url ?? "/").split("?")[0]!;
    if (path === "/events") return this.#watch(response);
    if (path === "/status.json") {
      const body = JSON.stringify(await this.#options.read());
      response.writeHead(200, { "content-type": "application/json" }).end(body);
      return;
    }
    const file = this.#files.get(path);
    if (file === undefined) return refuse(response, 404, "There is no such page.");
    response.writeHead(200, { "content-type": file.type }).end(file.body);
  }

  /** A name of somebody else that points to this machine must not read the page through a browser. */
  #isMeant(host: string | undefined): boolean {
    const name = (host ?? "").replace(/:\d+$/, "");
    return name === "localhost" || /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || /^\[[0-9a-f:.]+\]$/i.test(name);
  }

  async #watch(response: ServerResponse): Promise<void> {
    if (this.#watchers.size >= MAX_WATCHERS) return refuse(response, 503, "Too many pages are open.");
    this.#watchers.add(response);
    watchersGauge.set(this.#watchers.size);
    response.on("close", () => {
      this.#watchers.delete(response);
      watchersGauge.set(this.#watchers.size);
    });
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(eventOf(await this.#options.read()));
  }

  #pushSoon(): void {
    if (this.#watchers.size === 0) return;
    this.#settle ??= setTimeout(() => {
      this.#settle = undefined;
      this.#push().catch((error: Error) => this.#options.log.warn({ err: error }, "the status page could not be fed"));
    }, SETTLE_MS);
  }

  async #push(): Promise<void> {
    const event = eventOf(await this.#options.read());
    for (const watcher of this.#watchers) {
      if (watcher.writableLength > MAX_UNREAD_BYTES) watcher.destroy();
      else watcher.write(event);
    }
  }

  #fail(response: ServerResponse, error: Error): void {
    this.#options.log.warn({ err: error }, "the status page could not answer");
    if (response.headersSent) response.destroy();
    else refuse(response, 500, "The node cannot say how it is; its log says why.");
  }
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

function eventOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function readFiles(page: string): Map<string, { body: Buffer; type: string }> {
  const read = (name: string): { body: Buffer; type: string } => ({
    body: readFileSync(new URL(`./web/${name}`, import.meta.url)),
    type: CONTENT_TYPES[name.split(".").at(-1)!]!,
  });
  return new Map([["/", read(page)], ...ASSETS.map((name) => [`/${name}`, read(name)] as const)]);
}
