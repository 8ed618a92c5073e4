import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { createContext, useContext } from "react";
import { m } from "../gen/words/messages";
import classes from "./Time.module.css";

/** The laboratory's time zone, such as Europe/Berlin. */
export const ZoneContext = createContext("UTC");

const FIELDS: Record<"minute" | "day", Intl.DateTimeFormatOptions> = {
  minute: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { year: "numeric", month: "2-digit", day: "2-digit" },
};

export function formatTime(date: Date, zone: string, to: "minute" | "day" = "minute"): string {
  const shown = new Intl.DateTimeFormat("sv-SE", { ...FIELDS[to], timeZone: zone }).format(date);
  return shown.padStart(to === "day" ? 10 : 16, "0");
}

/** No day before it is typed. */
export const FIRST_DAY = "1900-01-01";

/** Whether it is a day in full, such as 2026-07-01: while somebody types, a date field has the year 2, 20 and 202 as well. */
export function isDay(text: string): boolean {
  return /^[12]\d{3}-\d\d-\d\d$/.test(text) && text >= FIRST_DAY && !Number.isNaN(Date.parse(text));
}

/** The instant at which a calendar day, such as 2026-07-01, begins in a zone. */
export function startOfDay(day: string, zone: string): Date {
  const utc = Date.parse(`${day}T00:00:00Z`);
  // How far the zone is ahead is known for an instant only: the second look is at the one that the first has found.
  const guess = utc - aheadOf(utc, zone);
  const begins = new Date(utc - aheadOf(guess, zone));
  // Where the clocks skip midnight, that is an hour of the day before.
  return formatTime(begins, zone, "day") < day ? new Date(guess) : begins;
}

function aheadOf(instant: number, zone: string): number {
  const shown = formatTime(new Date(instant), zone).replace(" ", "T");
  return Date.parse(`${shown}Z`) - Math.floor(instant / 60_000) * 60_000;
}

/** An instant in the laboratory's zone; the zone's name and the exact instant on pointing at it. */
export function Time({ at, to = "minute" }: { at: Timestamp | undefined; to?: "minute" | "day" }) {
  const zone = useContext(ZoneContext);
  if (!at) return <span>–</span>;
  const date = timestampDate(at);
  return (
    <time
      className={classes.time}
      dateTime={date.toISOString()}
      title={m.ui_instant_shown_in({ instant: date.toISOString(), zone })}
    >
      {formatTime(date, zone, to)}
    </time>
  );
}

/** Days from today until the day of an instant, by the calendar of the zone; negative once that day has passed. */
export function daysUntil(at: Timestamp, zone: string, now = Date.now()): number {
  const day = (date: Date) => Date.parse(formatTime(date, zone, "day"));
  return Math.round((day(timestampDate(at)) - day(new Date(now))) / 86_400_000);
}

export function isPast(at: Timestamp, now = Date.now()): boolean {
  return timestampDate(at).getTime() <= now;
}
