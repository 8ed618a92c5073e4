import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Button, Text } from "@mantine/core";
import { Fragment, type ReactNode, useContext, useState } from "react";
import { m } from "../gen/words/messages";
import { formatTime, ZoneContext } from "../ui/Time";
import classes from "./Changes.module.css";
import { CertificateLink, InstrumentLink, PersonName, ProjectName, RecipeLink, RunLink, SampleLink } from "./refs";

/** Bookkeeping that changes each time and tells nothing. */
const NOISE = new Set(["updated_at", "etag", "xmin"]);

/** The contract's names of values begin with that of their type. */
const ENUM = /^(ROLE|CONFORMITY|[A-Z]+(_[A-Z]+)*_(STATE|STATUS|PURPOSE|DISPOSITION|KIND))_(?=[A-Z])/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
/** So much is told of a value, and so many lines of a change, until somebody wants all of it. */
const LONGEST = 120;
const MOST = 5;
/** What a new thing is called comes before what else it has. */
const CALLED = ["name", "display_name", "asset_code", "code", "certificate_id", "method"];
/** When a thing was made, and by whom, its event says. */
const OF_EVENT = new Set(["created_at", "created_by"]);

export function text(value: JsonValue | undefined, zone = "UTC"): string {
  if (value === undefined || value === null || value === "") return "–";
  if (Array.isArray(value)) return value.map((one) => text(one, zone)).join("; ") || "–";
  if (typeof value === "object")
    return (
      fieldsOf(value)
        .map(([name, field]) => `${called(name)} ${text(field, zone)}`)
        .join(", ") || "–"
    );
  if (typeof value !== "string") return String(value);
  if (INSTANT.test(value)) return formatTime(new Date(value), zone);
  if (UUID.test(value)) return value.slice(-8);
  const enumerator = value.replace(ENUM, "");
  return enumerator === value ? value : enumerator.toLowerCase().replaceAll("_", " ");
}

function fieldsOf(value: JsonObject): [name: string, value: JsonValue][] {
  return Object.entries(value).filter(([name]) => !NOISE.has(name));
}

/** Names of what differs between two states of a thing. */
export function changed(before: JsonObject | undefined, after: JsonObject | undefined): string[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names.filter((name) => !NOISE.has(name) && !same(before?.[name], after?.[name])).sort();
}

/** What one entry of a list is known by, where each has it and no two alike. */
const KEYS = ["instrument_id", "id", "grant_id", "name", "param", "quantity"];

/** On the way to a value: a field, or an entry and what it is known by. */
type Step = string | { key: string; value: string };

/** One thing that differs, and where it is. */
export interface Difference {
  path: Step[];
  was: JsonValue | undefined;
  is: JsonValue | undefined;
  /** An entry that came into a list, or that has left it; a field of what is new. */
  entry?: "added" | "removed" | "new";
}

/** What differs between two values, each as deep as it lies: an entry of a list, a field of an object. */
export function differences(was: JsonValue | undefined, is: JsonValue | undefined, path: Step[] = []): Difference[] {
  if (same(was, is)) return [];
  if (isObject(was) && isObject(is))
    return changed(was, is).flatMap((name) => differences(was[name], is[name], [...path, name]));
  if (Array.isArray(was ?? is) && Array.isArray(is ?? was)) {
    const found = entries((was ?? []) as JsonValue[], (is ?? []) as JsonValue[], path);
    if (found.length > 0) return found;
  }
  return [{ path, was, is }];
}

function entries(was: JsonValue[], is: JsonValue[], path: Step[]): Difference[] {
  const key = KEYS.find((name) => [was, is].every((list) => isKey(name, list)));
  const of = (entry: JsonValue) => (key ? String((entry as JsonObject)[key]) : JSON.stringify(entry));
  const before = left(was, is);
  const after = left(is, was);
  const twin = (entry: JsonValue, list: JsonValue[]) =>
    key ? list.find((other) => of(other) === of(entry)) : undefined;
  return [
    ...before.flatMap((entry): Difference[] => {
      const other = twin(entry, after);
      if (key && other !== undefined) return differences(entry, other, [...path, { key, value: of(entry) }]);
      return [{ path, was: entry, is: undefined, entry: "removed" }];
    }),
    ...after
      .filter((entry) => twin(entry, before) === undefined)
      .map((entry): Difference => ({ path, was: undefined, is: entry, entry: "added" })),
  ];
}

/** Entries that the other list has not, as often as they stand there. */
function left(list: JsonValue[], other: JsonValue[]): JsonValue[] {
  const rest = [...other];
  return list.filter((entry) => {
    const at = rest.findIndex((one) => same(one, entry));
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

function isKey(name: string, list: JsonValue[]): boolean {
  const values = list.map((entry) => (isObject(entry) ? entry[name] : undefined));
  return values.every((value) => typeof value === "string") && new Set(values).size === values.length;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function same(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** What a new thing has, each as deep as it lies; its own id tells nothing that its event does not. */
export function made(value: JsonValue, id: JsonValue | undefined, path: Step[] = []): Difference[] {
  if (isObject(value))
    return fieldsOf(value)
      .filter(([name]) => path.length > 0 || !OF_EVENT.has(name))
      .flatMap(([name, field]) => made(field, id, [...path, name]))
      .sort((one, other) => rank(one) - rank(other));
  if (Array.isArray(value) && value.some(isObject))
    return value.map((is) => ({ path, was: undefined, is, entry: "new" }));
  return value === id || text(value) === "–" ? [] : [{ path, was: undefined, is: value, entry: "new" }];
}

function rank({ path: [name] }: Difference): number {
  const at = CALLED.indexOf(name as string);
  return at < 0 ? CALLED.length : at;
}

/** Names of what is named by its id elsewhere. */
const LINKS: [RegExp, (id: string) => ReactNode][] = [
  [/(_by|^operator_id|^author_id|^user_id|^member_id)$/, (id) => <PersonName id={id} />],
  [/^(further_)?instrument_id$/, (id) => <InstrumentLink id={id} />],
  [/^sample_id$/, (id) => <SampleLink id={id} />],
  [/^project_id$/, (id) => <ProjectName id={id} />],
  [/^calibration_id$/, (id) => <CertificateLink id={id} />],
  [/^recipe_version_id$/, (id) => <RecipeLink versionId={id} />],
  [/^run_id$/, (id) => <RunLink id={id} />],
];

function called(name: string): string {
  return name.replace(/_ids?$/, "").replaceAll("_", " ");
}

/** A value; `name` is that of its field, or of the list that it is an entry of. Parts that do not fit are left out. */
function Value(props: { name: string; value: JsonValue | undefined; whole: boolean }) {
  const { name, value, whole } = props;
  const zone = useContext(ZoneContext);
  if (isObject(value)) return parts(fieldsOf(value), ", ", true);
  if (Array.isArray(value))
    return parts(
      value.map((one) => [name.replace(/_ids$/, "_id"), one]),
      "; ",
      false,
    );
  const link = typeof value === "string" && UUID.test(value) ? LINKS.find(([of]) => of.test(name)) : undefined;
  if (link) return link[1](value as string);
  const told = text(value, zone);
  return whole || told.length <= LONGEST ? told : `${told.slice(0, LONGEST)} …`;

  function parts(all: [name: string, value: JsonValue][], between: string, named: boolean) {
    let room = LONGEST;
    const fit = all.filter(([of, part], nth) => {
      room -= text(part, zone).length + (named ? of.length : 0);
      return whole || nth === 0 || room >= 0;
    });
    if (all.length === 0) return "–";
    return (
      <>
        {fit.map(([of, part], nth) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a value's parts stay where they are
          <Fragment key={nth}>
            {nth > 0 && between}
            {named && `${called(of)} `}
            <Value name={of} value={part} whole={whole} />
          </Fragment>
        ))}
        {fit.length < all.length && " …"}
      </>
    );
  }
}

function Told({ difference: { path, was, is, entry }, whole }: { difference: Difference; whole: boolean }) {
  const last = path.findLast((step) => typeof step === "string") ?? "";
  // What is off is left out by the server.
  const off = typeof (was ?? is) === "boolean" ? false : undefined;
  const value = (of: JsonValue | undefined) => <Value name={last} value={of ?? off} whole={whole} />;
  if (entry === "new") return value(is);
  if (entry === "removed")
    return (
      <>
        {m.refs_removed()} <del>{value(was)}</del>
      </>
    );
  if (entry === "added")
    return (
      <>
        {m.refs_added()} <ins>{value(is)}</ins>
      </>
    );
  return (
    <>
      <del>{value(was)}</del> → <ins>{value(is)}</ins>
    </>
  );
}

/** The difference between what was and what is; of what is new, what it has. */
export function Changes({ before, after }: { before: JsonObject | undefined; after: JsonObject | undefined }) {
  const [whole, setWhole] = useState(false);
  const isNew = Object.keys(before ?? {}).length === 0;
  const all = isNew ? made(after ?? {}, after?.id) : differences(before, after);
  if (all.length === 0) return null;
  const isLong = all.some(({ was, is }) => [was, is].some((value) => text(value).length > LONGEST));
  return (
    <>
      <Text component="ul" size="xs" className={classes.lines}>
        {all.slice(0, whole ? all.length : MOST).map((difference) => (
          <li key={JSON.stringify(difference)}>
            <strong>
              {difference.path.map((step, nth) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a step is known by where it stands
                <Fragment key={nth}>
                  {nth > 0 && ", "}
                  {typeof step === "string" ? called(step) : <Value name={step.key} value={step.value} whole />}
                </Fragment>
              ))}
            </strong>{" "}
            <Told difference={difference} whole={whole} />
          </li>
        ))}
      </Text>
      {(all.length > MOST || isLong) && (
        <Button size="compact-xs" px={0} variant="subtle" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole
            ? m.refs_show_less()
            : all.length > MOST
              ? m.refs_show_all({ count: all.length })
              : m.refs_show_in_full()}
        </Button>
      )}
    </>
  );
}
