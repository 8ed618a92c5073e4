import { Button, Group, useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
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

/** Curves over one axis. A drag zooms in, a double click out again; the legend reads off what is under the cursor. */
export function Curve(props: { series: Series[]; across: string; up: string; logarithmic: Axes }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
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
      cursor: { drag: { x: true, y: false } },
    };
    plot.current = new uPlot(options, aligned(lines.flat()), element);
    plot.current.root.querySelector(".u-legend")?.setAttribute("aria-label", m.ui_values_under_the_cursor());
    const watcher = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [series, across, up, logarithmic, scheme]);

  const zoom = (factor: number) => {
    const now = plot.current;
    const { min, max } = now?.scales.x ?? {};
    if (!now || min == null || max == null) return;
    const [there, back] = props.logarithmic.across ? [Math.log10, (value: number) => 10 ** value] : [Number, Number];
    const [middle, half] = [(there(min) + there(max)) / 2, ((there(max) - there(min)) / 2) * factor];
    now.setScale("x", { min: back(middle - half), max: back(middle + half) });
  };
  const whole = () => plot.current?.setData(plot.current.data, true);
  return (
    <div>
      <div ref={box} className={classes.box} role="img" aria-label={m.ui_curve_of({ up, across })} />
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
