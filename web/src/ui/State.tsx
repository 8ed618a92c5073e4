import classes from "./State.module.css";

export type Tone = "good" | "soon" | "bad" | "busy" | "quiet";

const SHAPES: Record<Tone, string> = { good: "●", soon: "▲", bad: "■", busy: "◐", quiet: "○" };

/** A state by word and shape; its colour only underlines them. */
export function State({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={classes.state} data-tone={tone}>
      <span aria-hidden="true">{SHAPES[tone]}</span> {children}
    </span>
  );
}
