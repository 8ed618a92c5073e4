import { expect, test } from "vitest";
import { changed, text } from "./Changes";

test("values are told as people read them", () => {
  expect(text("2026-11-26T19:22:51.658410Z", "Europe/Berlin")).toBe("2026-11-26 20:22");
  expect(text("01a2194f-2837-73b5-b1a0-1cc571c6427f")).toBe("71c6427f");
  expect(text("RUN_STATE_RUNNING")).toBe("running");
  expect(text("SAMPLE_STATUS_IN_USE")).toBe("in use");
  expect(text("SHELF-B2")).toBe("SHELF-B2");
  expect([text(0), text(""), text(null), text(undefined)]).toEqual(["0", "–", "–", "–"]);
  expect([text([{ grant_id: "x" }]), text([{}, {}])]).toEqual(["1 entry", "2 entries"]);
  expect(text(["a".repeat(200)])).toHaveLength(122);
});

test("only what differs is told, and no bookkeeping", () => {
  expect(changed({ a: 1, b: [1], etag: "x" }, { a: 1, b: [2], c: true, etag: "y" })).toEqual(["b", "c"]);
});
