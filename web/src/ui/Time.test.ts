import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { daysUntil, formatTime, isDay, startOfDay } from "./Time";

test("an instant is shown in the lab's zone, over the change of the clocks too", () => {
  expect(formatTime(new Date("2026-07-01T22:30:00Z"), "Europe/Berlin")).toBe("2026-07-02 00:30");
  expect(formatTime(new Date("2026-12-01T22:30:00Z"), "Europe/Berlin")).toBe("2026-12-01 23:30");
});

test("a day begins when it does in the lab, whatever its clocks do", () => {
  const begins = (day: string, zone: string) => startOfDay(day, zone).toISOString();
  expect(begins("2026-07-01", "Europe/Berlin")).toBe("2026-06-30T22:00:00.000Z");
  expect(begins("2026-12-01", "Europe/Berlin")).toBe("2026-11-30T23:00:00.000Z");
  expect(begins("2026-10-25", "Europe/Berlin")).toBe("2026-10-24T22:00:00.000Z");
  expect(begins("2026-07-01", "America/Los_Angeles")).toBe("2026-07-01T07:00:00.000Z");
  expect(begins("2026-07-01", "Pacific/Kiritimati")).toBe("2026-06-30T10:00:00.000Z");
  // This day has no midnight: its first instant is one o'clock.
  expect(begins("2026-04-24", "Africa/Cairo")).toBe("2026-04-23T22:00:00.000Z");
  expect(begins("2026-09-06", "America/Santiago")).toBe("2026-09-06T04:00:00.000Z");
  expect(begins("2026-03-08", "America/Havana")).toBe("2026-03-08T05:00:00.000Z");
  expect(begins("2026-09-07", "America/Santiago")).toBe("2026-09-07T03:00:00.000Z");
});

test("a year that is half typed is no day, and nothing breaks on it", () => {
  expect(startOfDay("0026-01-15", "UTC").toISOString()).toBe("0026-01-15T00:00:00.000Z");
  expect(["0002-07-01", "0026-01-15", "1899-12-31", "2026-99-99", "foo", ""].filter(isDay)).toEqual([]);
  expect(isDay("2026-07-01")).toBe(true);
});

test("days are those of the lab's calendar, and negative once they have passed", () => {
  const days = (at: string, now: string) =>
    daysUntil(timestampFromDate(new Date(at)), "Europe/Berlin", Date.parse(now));
  expect(days("2026-11-26T23:30:00Z", "2026-11-26T12:00:00Z")).toBe(1);
  expect(days("2026-11-26T22:30:00Z", "2026-11-26T12:00:00Z")).toBe(0);
  expect(days("2026-11-24T23:30:00Z", "2026-11-26T12:00:00Z")).toBe(-1);
  // A year, with its two changes of the clocks.
  expect(days("2027-11-26T12:00:00Z", "2026-11-26T12:30:00Z")).toBe(365);
});
