// Months as a calendar's sheets, such as 2026-12, and their days, such as 2026-12-24. Weeks begin on Monday (ISO 8601).

export function isMonth(text: string): boolean {
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(text) && text >= "1900-01";
}

/** The month so many after it, or before. */
export function monthAfter(month: string, count: number): string {
  const first = new Date(`${month}-01`);
  first.setUTCMonth(first.getUTCMonth() + count);
  return first.toISOString().slice(0, 7);
}

/** The days of a month, week by week; nothing where a day is another month's. */
export function weeksOf(month: string): (string | undefined)[][] {
  const before = (new Date(`${month}-01`).getUTCDay() + 6) % 7;
  const days = (Date.parse(`${monthAfter(month, 1)}-01`) - Date.parse(`${month}-01`)) / 86_400_000;
  return Array.from({ length: Math.ceil((before + days) / 7) }, (_, week) =>
    Array.from({ length: 7 }, (_, nth) => {
      const day = 7 * week + nth - before + 1;
      return day < 1 || day > days ? undefined : `${month}-${String(day).padStart(2, "0")}`;
    }),
  );
}
