// Numbers as people type them. A comma is a point to some and a thousand to others: where it could be either, neither is taken.
const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const GROUPED = /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/;
const WITH_COMMA = /^[+-]?\d*,\d+(e[+-]?\d+)?$/i;

/** The two numbers that `1,500` could be, as they would be written without doubt. */
export function twoOf(text: string): { thousands: string; fraction: string } | undefined {
  const written = text.trim();
  if (!GROUPED.test(written) || !WITH_COMMA.test(written)) return undefined;
  return { thousands: written.replace(",", ""), fraction: String(Number(written.replace(",", "."))) };
}

/** The number; `undefined` where it is none, or could be two. */
export function numberOf(text: string): number | undefined {
  const written = text.trim();
  if (twoOf(written)) return undefined;
  if (PLAIN.test(written)) return Number(written);
  if (GROUPED.test(written)) return Number(written.replaceAll(",", ""));
  if (WITH_COMMA.test(written)) return Number(written.replace(",", "."));
  return undefined;
}
