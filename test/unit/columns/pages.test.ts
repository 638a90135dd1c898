import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../../src/columns/arena.ts";
import { Pages } from "../../../src/columns/pages.ts";

test("a tally tells pages of its own from pages that a clone holds too, however often they repeat", () => {
  const arena = new Arena();
  const pages = new Pages(arena);
  const repeated = arena.allocZeroed();
  arena.retain(repeated);
  pages.append(repeated);
  pages.append(repeated);
  pages.append(arena.allocZeroed());
  pages.resize(4);
  assert.deepEqual(pages.tally(), { owned: 2, shared: 0 });

  const clone = pages.clone();
  assert.deepEqual(pages.tally(), { owned: 0, shared: 2 });
  clone.writable(1);
  assert.deepEqual(clone.tally(), { owned: 1, shared: 2 });
  clone.drop();
  assert.deepEqual(pages.tally(), { owned: 2, shared: 0 });
  pages.drop();
  assert.equal(arena.pagesUsed, 1, "the zero page is left");
});
