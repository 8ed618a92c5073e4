import type { JsonObject } from "@bufbuild/protobuf";
import { MantineProvider } from "@mantine/core";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { Changes, changed, differences, text } from "./Changes";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));

/** What a person reads of it, line by line. */
async function read(before: JsonObject | undefined, after: JsonObject, whole = false): Promise<string[]> {
  const box = document.createElement("div");
  const root = createRoot(box);
  const changes = <Changes before={before} after={after} />;
  await act(async () => root.render(<MantineProvider>{changes}</MantineProvider>));
  if (whole) await act(async () => box.querySelector("button")?.click());
  const lines = [...box.querySelectorAll("li, button")].map((line) => line.textContent ?? "");
  await act(async () => root.unmount());
  return lines;
}

test("values are told as people read them", () => {
  expect(text("2026-11-26T19:22:51.658410Z", "Europe/Berlin")).toBe("2026-11-26 20:22");
  expect(text("01a2194f-2837-73b5-b1a0-1cc571c6427f")).toBe("71c6427f");
  expect(text("RUN_STATE_RUNNING")).toBe("running");
  expect(text("SAMPLE_STATUS_IN_USE")).toBe("in use");
  expect(text("SHELF-B2")).toBe("SHELF-B2");
  expect(text("ROLE_TECHNICIAN")).toBe("technician");
  expect([text(0), text(""), text(null), text(undefined)]).toEqual(["0", "–", "–", "–"]);
  expect(text([1, true, "dc_voltage"])).toBe("1; true; dc_voltage");
  expect(text([])).toBe("–");
  expect(text([{ quantity: "dc_voltage", range_high: "200", etag: "x" }, { quantity: "dc_current" }])).toBe(
    "quantity dc_voltage, range high 200; quantity dc_current",
  );
});

test("a switch that was turned off is told as that, though the server leaves it out", async () => {
  expect(await read({ four_eyes: true }, {})).toEqual(["four eyes true → false"]);
  expect(await read({ name: "a" }, { name: "a", four_eyes: true })).toEqual(["four eyes false → true"]);
});

test("only what differs is told, and no bookkeeping", () => {
  expect(changed({ a: 1, b: [1], etag: "x" }, { a: 1, b: [2], c: true, etag: "y" })).toEqual(["b", "c"]);
});

const capability = (quantity: string, high: string) => ({ quantity, range_low: "0", range_high: high, unit: "V" });

test("of a list it is told which entry came, which has left, and what has become of one", () => {
  const was = [capability("dc_voltage", "100"), capability("resistance", "5"), capability("frequency", "9")];
  const is = [capability("frequency", "9"), capability("dc_voltage", "200"), capability("dc_current", "1")];
  expect(differences(was, is, ["capabilities"])).toEqual([
    { path: ["capabilities", { key: "quantity", value: "dc_voltage" }, "range_high"], was: "100", is: "200" },
    { path: ["capabilities"], was: capability("resistance", "5"), is: undefined, entry: "removed" },
    { path: ["capabilities"], was: undefined, is: capability("dc_current", "1"), entry: "added" },
  ]);
});

test("entries that nothing tells apart come and leave as they are, and as often", () => {
  expect(differences(["iv_sweep", "hall", "hall"], ["hall", "cv_sweep"])).toEqual([
    { path: [], was: "iv_sweep", is: undefined, entry: "removed" },
    { path: [], was: "hall", is: undefined, entry: "removed" },
    { path: [], was: undefined, is: "cv_sweep", entry: "added" },
  ]);
  const twice = [capability("dc_voltage", "1"), capability("dc_voltage", "2")];
  expect(differences(twice, twice.slice(1))).toEqual([{ path: [], was: twice[0], is: undefined, entry: "removed" }]);
});

test("a list that was empty, and one that is, are lists", () => {
  expect(differences(undefined, ["hall"])).toEqual([{ path: [], was: undefined, is: "hall", entry: "added" }]);
  expect(differences(["hall"], undefined)).toEqual([{ path: [], was: "hall", is: undefined, entry: "removed" }]);
  expect(differences(["a", "b"], ["b", "a"])).toEqual([{ path: [], was: ["a", "b"], is: ["b", "a"] }]);
});

test("what differs within an object is told by itself, and no bookkeeping", () => {
  const was = { state: "RECIPE_STATE_DRAFT", etag: "1", limits: [{ param: "vgs_stop", low: 0, high: 2 }] };
  const is = { state: "RECIPE_STATE_IN_REVIEW", etag: "2", limits: [{ param: "vgs_stop", low: 0, high: 3 }] };
  expect(differences(was, is, ["latest_version"])).toEqual([
    { path: ["latest_version", "limits", { key: "param", value: "vgs_stop" }, "high"], was: 2, is: 3 },
    { path: ["latest_version", "state"], was: "RECIPE_STATE_DRAFT", is: "RECIPE_STATE_IN_REVIEW" },
  ]);
  expect(differences({ a: 1 }, { a: 1 })).toEqual([]);
});

test("each difference is a line", async () => {
  const before = { location: "A1", capabilities: [capability("dc_voltage", "100"), capability("resistance", "5")] };
  const after = { location: "B2", capabilities: [capability("dc_voltage", "200")] };
  expect(await read(before, after)).toEqual([
    "capabilities, dc_voltage, range high 100 → 200",
    "capabilities removed quantity resistance, range low 0, range high 5, unit V",
    "location A1 → B2",
  ]);
});

test("of many differences, and of a long one, all of it can be had", async () => {
  const methods = Array.from({ length: 8 }, (_, nth) => `method-${nth}`);
  const few = await read({ methods: [], state: "x" }, { methods, state: "x" });
  expect([few.length, few[0], few.at(-1)]).toEqual([6, "methods added method-0", "Show all 8"]);
  const all = await read({ methods: [], state: "x" }, { methods, state: "x" }, true);
  expect([all.length, all.at(-2), all.at(-1)]).toEqual([9, "methods added method-7", "Show less"]);
  const long = "a".repeat(200);
  expect(await read({ comment: "b" }, { comment: long })).toEqual([`comment b → ${"a".repeat(120)} …`, "Show in full"]);
  expect(await read({ comment: "b" }, { comment: long }, true)).toEqual([`comment b → ${long}`, "Show less"]);
});

test("of what is new it is told what it has, its name first, and nothing that its event says", async () => {
  const id = "01a2194f-2837-73b5-b1a0-1cc571c6427f";
  const sample = { attributes: {}, created_at: "2026-11-26T19:22:51Z", created_by: id, etag: "1", id, lot_code: "L1" };
  expect(await read(undefined, { ...sample, name: "W01", status: "SAMPLE_STATUS_AVAILABLE" })).toEqual([
    "name W01",
    "lot code L1",
    "status available",
  ]);
  const recipe = { id, latest_version: { recipe_id: id, version: 1 }, limits: [{ param: "vds", low: 0, high: 3 }] };
  expect(await read({}, recipe)).toEqual(["latest version, version 1", "limits param vds, low 0, high 3"]);
  expect(await read(undefined, {})).toEqual([]);
});
