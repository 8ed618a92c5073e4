import { expect, test } from "vitest";
import { isMonth, monthAfter, weeksOf } from "./month";

test("a month's weeks begin on Monday, and have its days alone", () => {
  const weeks = weeksOf("2026-11");
  expect(weeks.length).toBe(6);
  expect(weeks[0]).toEqual([...Array(6).fill(undefined), "2026-11-01"]);
  expect(weeks[5]).toEqual(["2026-11-30", ...Array(6).fill(undefined)]);
  // As few weeks as there are, and a day that comes every four years.
  expect(weeksOf("2027-02").flat()).toEqual(
    Array.from({ length: 28 }, (_, day) => `2027-02-${String(day + 1).padStart(2, "0")}`),
  );
  expect(weeksOf("2028-02").flat()).toContain("2028-02-29");
});

test("months are turned over the end of a year", () => {
  expect(monthAfter("2026-12", 1)).toBe("2027-01");
  expect(monthAfter("2027-01", -1)).toBe("2026-12");
  expect(["1899-12", "2026-13", "2026-00", "26-11", "2026-11-01", "abc", ""].filter(isMonth)).toEqual([]);
  expect(isMonth("2026-11")).toBe(true);
});
