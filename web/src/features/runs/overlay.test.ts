import { expect, test } from "vitest";
import { distinct } from "./overlay";

test("runs of one sample within a minute are told apart, and others are called as before", () => {
  const names = distinct([
    ["0192f0c0-0000-7000-8000-00000000aaaa", "W01, 2026-11-27 10:00"],
    ["0192f0c0-0000-7000-8000-00000000bbbb", "W01, 2026-11-27 10:00"],
    ["0192f0c0-0000-7000-8000-00000000cccc", "W02, 2026-11-27 10:00"],
  ]);
  expect(Object.values(names)).toEqual([
    "W01, 2026-11-27 10:00 (0000aaaa)",
    "W01, 2026-11-27 10:00 (0000bbbb)",
    "W02, 2026-11-27 10:00",
  ]);
});
