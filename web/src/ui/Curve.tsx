import { Button, Group, Text, useComputedColorScheme, VisuallyHidden } from "@mantine/core";
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import uPlot from "uplot";
import { m } from "../gen/words/messages";
import { type Axes, type Leg, legs, type Series } from "./legs";
import "uplot/dist/uPlot.min.css";
import classes from "./Curve.module.css";

const HEIGHT = 360;
/** Told apart by their dashes as well. */
const DASHES = [[], [8, 4], [2, 3], [12, 3, 2, 3], [4, 2], [16, 4]];
const INKS = {
  light: ["#0b6474", "#a8420f", "#6a3d9a", "#2f6f1f", "#8a1c52", "#5b5b00"],
  dark: ["#76c2ce", "#ffb27d", "#c9a9f0", "#9bd68a", "#f29ac4", "#d9d36a"],
};

/** Points that an arrow goes together with Shift. */
const STRIDE = 10;

/** How far from the cursor a curve's point may be that is read off, in CSS pixels. */
const NEAR_PX = 12;

/**
 * Curves over one axis. A drag zooms in, a double click out again; the legend reads off what is under the cursor, and shows or
 * hides a curve. Keys do the
 * same, and what they lead to is said as well.
 */
export function Curve(props: { series: Series[]; across: string; up: string; logarithmic: Axes }) {
  const box = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const keys = useId();
  const [read, setRead] = useState("");
  const scheme = useComputedColorScheme("light");
  const { series, across, up, logarithmic } = props;
  useEffect(() => {
    const element = box.current;
    if (!element || series.length === 0) return;
    const lines = series.map((one) => legs(one, logarithmic));
    const ink = getComputedStyle(element).color;
    const axis = { stroke: ink, grid: { stroke: scheme === "dark" ? "#3b4248" : "#dde2e6", width: 1 } };
    const options: uPlot.Options = {
      width: element.clientWidth,
      height: HEIGHT,
      scales: {
        x: { time: false, ...(logarithmic.across ? { distr: 3 } : {}) },
        y: logarithmic.up ? { distr: 3 } : {},
      },
      axes: [
        { ...axis, label: across, ...(logarithmic.across ? { values: ticks } : {}) },
        { ...axis, label: up, size: 80, values: ticks },
      ],
      series: [
        { label: across, value: (_, value) => (value === null ? "–" : short(value)) },
        ...series.flatMap((one, index) => {
          const stroke = INKS[scheme][one.colour % INKS[scheme].length] ?? ink;
          const dash = DASHES[one.colour % DASHES.length] ?? [];
          const drawn = lines[index] ?? [];
          return drawn.map((_, leg) => ({
            label: drawn.length > 1 ? m.ui_leg({ of: one.label, leg: leg + 1 }) : one.label,
            stroke,
            dash,
            width: 1.5,
            spanGaps: true,
            value: (_: uPlot, value: number | null) => (value === null ? "–" : short(value)),
          }));
        }),
      ],
      // Of a curve that has no point there, none is read off.
      cursor: { drag: { x: true, y: false }, hover: { prox: NEAR_PX } },
      legend: { mount: (_, legend) => below.current?.replaceChildren(legend) },
      hooks: { setSeries: [pressable] },
    };
    plot.current = new uPlot(options, aligned(lines.flat()), element);
    below.current?.firstElementChild?.setAttribute("aria-label", m.ui_values_under_the_cursor());
    pressable(plot.current);
    const watcher = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };

    /** What the legend calls a curve is a button that shows or hides it; its click comes to uPlot's own head of the row. */
    function pressable({ series: curves }: uPlot) {
      const heads = [...(below.current?.querySelectorAll(".u-series th") ?? [])];
      for (const [nth, head] of heads.entries()) {
        if (nth === 0) continue;
        if (head.firstElementChild?.tagName !== "BUTTON") {
          const button = document.createElement("button");
          button.type = "button";
          button.append(...head.childNodes);
          head.append(button);
        }
        head.firstElementChild?.setAttribute("aria-pressed", String(curves[nth]?.show ?? true));
      }
    }
  }, [series, across, up, logarithmic, scheme]);

  // As the axis goes, where it is logarithmic by its exponents.
  const [there, back] = logarithmic.across ? [Math.log10, (value: number) => 10 ** value] : [Number, Number];
  const shown = ({ scales }: uPlot) => [scales.x?.min, scales.x?.max].map((end) => there(end ?? Number.NaN));
  const show = (now: uPlot, from: number, to: number) =>
    now.batch(() => now.setScale("x", { min: back(from), max: back(to) }));
  /** Puts the cursor on a point. */
  const put = (now: uPlot, point: number) => {
    const y = now.data.slice(1).find((values) => values[point] != null)?.[point];
    now.setCursor({
      left: Math.max(0, now.valToPos(now.data[0][point] ?? 0, "x")),
      top: y == null ? 0 : now.valToPos(y, "y"),
    });
  };
  /** Zooms; what the cursor is on stays where it is, or else the middle. */
  const zoom = (factor: number) => {
    const now = plot.current;
    if (!now) return;
    const { idx: point } = now.cursor;
    const [low = 0, high = 0] = shown(now);
    const fixed = point == null ? (low + high) / 2 : there(now.data[0][point] ?? 0);
    const [from, to] = [fixed + (low - fixed) * factor, fixed + (high - fixed) * factor];
    show(now, from, to);
    if (point != null) put(now, point);
    setRead(m.ui_curve_from_to({ across, low: short(back(from)), high: short(back(to)) }));
  };
  const whole = () => {
    const now = plot.current;
    if (!now) return;
    const { idx: point } = now.cursor;
    now.batch(() => now.setData(now.data, true));
    if (point != null) put(now, point);
    setRead(m.ui_curve_whole());
  };
  /** Takes the cursor so many points on, or as far as there are some, and reads off what is there. */
  const go = (points: number) => {
    const now = plot.current;
    const [first, last] = now?.series[0]?.idxs ?? [];
    if (!now || first == null || last == null) return;
    // From without, it comes to the first or the last point that is seen.
    const from = now.cursor.idx ?? (points > 0 ? first - points : last - points);
    const end = now.data[0].length - 1;
    let point = Math.max(0, Math.min(end, Number.isFinite(points) ? from + points : points));
    // Points at the same place are passed together: the cursor knows one of them.
    while (point > 0 && point < end && now.data[0][point] === now.data[0][from]) point += Math.sign(points);
    const x = there(now.data[0][point] ?? 0);
    const [low = 0, high = 0] = shown(now);
    if (x < low || x > high) show(now, x - (high - low) / 2, x + (high - low) / 2);
    put(now, point);
    const values = now.series.flatMap(({ label }, nth) => {
      const value = now.data[nth]?.[now.cursor.idxs?.[nth] ?? -1];
      return value == null ? [] : [m.ui_curve_value({ name: String(label), value: short(value) })];
    });
    setRead(values.join("; "));
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const points = event.shiftKey ? STRIDE : 1;
    const means: Record<string, () => void> = {
      ArrowLeft: () => go(-points),
      ArrowRight: () => go(points),
      Home: () => go(Number.NEGATIVE_INFINITY),
      End: () => go(Number.POSITIVE_INFINITY),
      "+": () => zoom(0.5),
      "-": () => zoom(2),
      "0": whole,
    };
    const meant = means[event.key];
    if (!meant) return;
    event.preventDefault();
    meant();
  };
  return (
    <div>
      <div
        ref={box}
        className={classes.box}
        role="application"
        aria-label={m.ui_curve_of({ up, across })}
        aria-describedby={keys}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys have to reach it
        tabIndex={0}
        onKeyDown={pressed}
      />
      <div ref={below} className={classes.legend} />
      <VisuallyHidden aria-live="polite">{read}</VisuallyHidden>
      <Group gap="xs" mt="xs">
        <Button size="xs" variant="default" onClick={() => zoom(0.5)}>
          {m.ui_zoom_in()}
        </Button>
        <Button size="xs" variant="default" onClick={() => zoom(2)}>
          {m.ui_zoom_out()}
        </Button>
        <Button size="xs" variant="default" onClick={whole}>
          {m.ui_show_all()}
        </Button>
        <Text id={keys} size="xs" c="dimmed">
          {m.ui_curve_keys()}
        </Text>
      </Group>
    </div>
  );
}

function short(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3
    ? value.toExponential(3).replace(/\.?0+e/, "e")
    : String(Number(value.toPrecision(6)));
}

function ticks(_: uPlot, values: (number | null)[]): string[] {
  return values.map((value) => (value === null ? "" : short(value)));
}

/** Legs over one axis that is common to them. */
function aligned(all: Leg[]): uPlot.AlignedData {
  const [only] = all;
  if (all.length === 1 && only) return only as unknown as uPlot.AlignedData;
  return uPlot.join(all as unknown as uPlot.AlignedData[]);
}
