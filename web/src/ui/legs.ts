// Measured points as curves that can be drawn over one axis.
/** Which axes are logarithmic. */
export interface Axes {
  across: boolean;
  up: boolean;
}

export interface Series {
  label: string;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

/** More turns than that are noise of the axis, not a sweep. */
const MOST_LEGS = 12;

/** A leg of a curve: over one rising axis, as uPlot wants it. */
export type Leg = [Float64Array, (number | null)[]];

/**
 * A curve in the order in which it was measured: a sweep forth and back is two legs, each of which rises or falls. What a
 * logarithmic axis cannot show is left out.
 */
export function legs({ x, y }: Pick<Series, "x" | "y">, logarithmic: Axes): Leg[] {
  const points = Array.from({ length: x.length }, (_, index) => index).filter(
    (index) => Number.isFinite(Number(x[index])) && !(logarithmic.across && Number(x[index]) === 0),
  );
  const across = (index: number) => (logarithmic.across ? Math.abs(Number(x[index])) : Number(x[index]));
  const parts: number[][] = [];
  let part: number[] = [];
  let way = 0;
  for (const [place, index] of points.entries()) {
    const step = place > 0 ? Math.sign(across(index) - across(points[place - 1] ?? index)) : 0;
    if (step !== 0 && way !== 0 && step !== way) {
      parts.push(part);
      // The turning point belongs to both.
      part = part.slice(-1);
    }
    if (step !== 0) way = step;
    part.push(index);
  }
  if (part.length > 0) parts.push(part);
  const all = parts.length > MOST_LEGS ? [points] : parts;
  return all.map((indices) => {
    const order = [...indices].sort((one, other) => across(one) - across(other) || one - other);
    return [
      Float64Array.from(order, across),
      order.map((index) => shown(Number(y[index]), logarithmic.up)),
    ] satisfies Leg;
  });
}

function shown(value: number, logarithmic: boolean): number | null {
  if (!logarithmic) return Number.isFinite(value) ? value : null;
  return value === 0 || !Number.isFinite(value) ? null : Math.abs(value);
}
