import type { ReactNode } from "react";
import classes from "./Facts.module.css";

/** What is known of a thing: names and values. */
export function Facts({ of }: { of: [name: string, value: ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === undefined || value === "" ? "–" : value}</dd>
        </div>
      ))}
    </dl>
  );
}
