import { expect, test } from "vitest";
import { faultsOf, paramsOf, rangeOf } from "./ParamsForm";

const SCHEMA = {
  type: "object",
  required: ["stop", "start"],
  properties: {
    start: { type: "number", minimum: -10, maximum: 10 },
    stop: { type: "number", exclusiveMinimum: 0 },
    points: { type: "integer", minimum: 2, default: 11 },
    contact: { enum: ["front", "back"] },
    log: { type: "boolean" },
  },
};

test("what is typed becomes parameters, and what is left empty is left to the method", () => {
  expect(paramsOf(SCHEMA, { start: "-1", stop: "2,5", points: "", contact: "front", log: "true" })).toEqual({
    start: -1,
    stop: 2.5,
    contact: "front",
    log: true,
  });
});

test("each fault is told at its parameter", () => {
  expect(faultsOf(SCHEMA, { start: "-11", stop: "0", points: "2.5" })).toEqual({
    start: "must be -10 or more",
    stop: "must be more than 0",
    points: "must be a whole number",
  });
  expect(faultsOf(SCHEMA, { start: "x" })).toEqual({ start: "must be a number", stop: "is needed" });
  expect(faultsOf(SCHEMA, { start: "1", stop: "1,500" })).toEqual({
    stop: "could be 1500 or 1.5: write the one that you mean",
  });
  expect(faultsOf(SCHEMA, { start: "1", stop: "1" })).toEqual({});
});

test("a recipe's limits are narrower than the method's", () => {
  const limits = [{ param: "start", low: 0, high: 2 }];
  expect(faultsOf(SCHEMA, { start: "3", stop: "1" }, limits)).toEqual({ start: "the recipe allows 0 to 2" });
});

test("ranges are told in words", () => {
  expect([
    rangeOf({ minimum: 0, maximum: 1 }),
    rangeOf({ exclusiveMinimum: 0 }),
    rangeOf({ maximum: 3 }),
    rangeOf({}),
  ]).toEqual(["0 to 1", "over 0", "3 or less", ""]);
});
