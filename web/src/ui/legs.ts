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
  /** Number of its colour and of its dashes. */
  colour: number;
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
  // A million points come through here at each change of an axis: no object is made for any of them.
  const across = new Float64Array(x.length);
  const up: (number | null)[] = [];
  for (let index = 0; index < x.length; index++) {
    const at = shown(Number(x[index]), logarithmic.across);
    if (at === null) continue;
    across[up.length] = at;
    up.push(shown(Number(y[index]), logarithmic.up));
  }
  const turns = turnsOf(across.subarray(0, up.length));
  if (turns.length - 1 > MOST_LEGS) {
    const order = Array.from(up.keys()).sort((one, other) => Number(across[one]) - Number(across[other]));
    return [[Float64Array.from(order, (index) => Number(across[index])), order.map((index) => up[index] ?? null)]];
  }
  return turns.slice(1).map((end, leg): Leg => {
    // The turning point belongs to both.
    const [from, to] = [turns[leg] ?? 0, end + 1];
    const [of, values] = [across.slice(from, to), up.slice(from, to)];
    return Number(of.at(-1)) < Number(of[0]) ? [of.reverse(), values.reverse()] : [of, values];
  });
}

/** The places at which a run of values begins, turns, and ends. */
function turnsOf(values: Float64Array): number[] {
  if (values.length === 0) return [];
  const turns = [0];
  let way = 0;
  for (let index = 1; index < values.length; index++) {
    const step = Math.sign(Number(values[index]) - Number(values[index - 1]));
    if (step === 0 || step === way) continue;
    if (way !== 0) turns.push(index - 1);
    way = step;
  }
  turns.push(values.length - 1);
  return turns;
}

/** As an axis shows it; null where it cannot. */
function shown(value: number, logarithmic: boolean): number | null {
  if (!Number.isFinite(value)) return null;
  if (!logarithmic) return value;
  return value === 0 ? null : Math.abs(value);
}
