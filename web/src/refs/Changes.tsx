import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Text } from "@mantine/core";
import { Fragment, type ReactNode, useContext } from "react";
import { m } from "../gen/words/messages";
import { formatTime, ZoneContext } from "../ui/Time";
import { CertificateLink, InstrumentLink, PersonName, ProjectName, RecipeLink, SampleLink } from "./refs";

/** Bookkeeping that changes each time and tells nothing. */
const NOISE = new Set(["updated_at", "etag", "xmin"]);

/** The contract's names of values begin with that of their type. */
const ENUM = /^(ROLE|CONFORMITY|[A-Z]+(_[A-Z]+)*_(STATE|STATUS|PURPOSE|DISPOSITION|KIND))_(?=[A-Z])/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const LONGEST = 120;
/** So many differences of one field are told; of more, how many. */
const MOST = 5;

export function text(value: JsonValue | undefined, zone = "UTC"): string {
  if (value === undefined || value === null || value === "") return "–";
  if (Array.isArray(value)) return shortened(value.map((one) => text(one, zone)).join("; ") || "–");
  if (typeof value === "object") {
    const fields = Object.entries(value).filter(([name]) => !NOISE.has(name));
    return shortened(fields.map(([name, field]) => `${called(name)} ${text(field, zone)}`).join(", ") || "–");
  }
  if (typeof value !== "string") return String(value);
  if (INSTANT.test(value)) return formatTime(new Date(value), zone);
  if (UUID.test(value)) return value.slice(-8);
  const enumerator = value.replace(ENUM, "");
  return enumerator === value ? shortened(value) : enumerator.toLowerCase().replaceAll("_", " ");
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text;
}

/** Names of what differs between two states of a thing. */
export function changed(before: JsonObject | undefined, after: JsonObject | undefined): string[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names.filter((name) => !NOISE.has(name) && !same(before?.[name], after?.[name])).sort();
}

/** What one entry of a list is known by, where each has it and no two alike. */
const KEYS = ["id", "grant_id", "name", "param", "quantity", "instrument_id"];

/** One thing that differs, and where it is. */
export interface Difference {
  /** Names on the way to it; those of entries are what they are known by. */
  path: string[];
  was: JsonValue | undefined;
  is: JsonValue | undefined;
  /** An entry that came into a list, or that has left it. */
  entry?: "added" | "removed";
}

/** What differs between two values, each as deep as it lies: an entry of a list, a field of an object. */
export function differences(was: JsonValue | undefined, is: JsonValue | undefined, path: string[] = []): Difference[] {
  if (same(was, is)) return [];
  if (isObject(was) && isObject(is))
    return changed(was, is).flatMap((name) => differences(was[name], is[name], [...path, name]));
  if (Array.isArray(was ?? is) && Array.isArray(is ?? was)) {
    const found = entries((was ?? []) as JsonValue[], (is ?? []) as JsonValue[], path);
    if (found.length > 0) return found;
  }
  return [{ path, was, is }];
}

function entries(was: JsonValue[], is: JsonValue[], path: string[]): Difference[] {
  const key = KEYS.find((name) => [was, is].every((list) => isKey(name, list)));
  const of = (entry: JsonValue) => (key ? String((entry as JsonObject)[key]) : JSON.stringify(entry));
  const before = left(was, is);
  const after = left(is, was);
  const twin = (entry: JsonValue, list: JsonValue[]) =>
    key ? list.find((other) => of(other) === of(entry)) : undefined;
  return [
    ...before.flatMap((entry): Difference[] => {
      const other = twin(entry, after);
      if (other !== undefined) return differences(entry, other, [...path, text(of(entry))]);
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

/** Names of what is named by its id elsewhere. */
const LINKS: [RegExp, (id: string) => ReactNode][] = [
  [/(_by|^operator_id|^author_id|^user_id|^member_id)$/, (id) => <PersonName id={id} />],
  [/^(further_)?instrument_id$/, (id) => <InstrumentLink id={id} />],
  [/^sample_id$/, (id) => <SampleLink id={id} />],
  [/^project_id$/, (id) => <ProjectName id={id} />],
  [/^calibration_id$/, (id) => <CertificateLink id={id} />],
  [/^recipe_version_id$/, (id) => <RecipeLink versionId={id} />],
];

function called(name: string): string {
  return name.replace(/_ids?$/, "").replaceAll("_", " ");
}

/** Of a list's entry, the list's name. */
function Value({ name, value, zone }: { name: string; value: JsonValue | undefined; zone: string }) {
  const one = name.replace(/_ids$/, "_id");
  const link = typeof value === "string" && UUID.test(value) ? LINKS.find(([of]) => of.test(one)) : undefined;
  return link ? link[1](value as string) : text(value, zone);
}

function Told({ difference: { path, was, is, entry }, zone }: { difference: Difference; zone: string }) {
  const name = path.at(-1) ?? "";
  // What is off is left out by the server.
  const off = typeof (was ?? is) === "boolean" ? false : undefined;
  const before = (
    <del>
      <Value name={name} value={was ?? off} zone={zone} />
    </del>
  );
  const after = (
    <ins>
      <Value name={name} value={is ?? off} zone={zone} />
    </ins>
  );
  if (entry === "removed")
    return (
      <>
        {m.refs_removed()} {before}
      </>
    );
  if (entry === "added")
    return (
      <>
        {m.refs_added()} {after}
      </>
    );
  return (
    <>
      {before} → {after}
    </>
  );
}

/** The difference between what was and what is. */
export function Changes({ before, after }: { before: JsonObject | undefined; after: JsonObject | undefined }) {
  const zone = useContext(ZoneContext);
  if (!before && !after) return null;
  if (!before || Object.keys(before).length === 0)
    return (
      <Text size="xs" c="dimmed">
        {m.refs_new()}
      </Text>
    );
  return changed(before, after).map((name) => {
    const all = differences(before[name], after?.[name], [name]);
    return (
      <Fragment key={name}>
        {all.slice(0, MOST).map((difference) => (
          <Text size="xs" key={JSON.stringify(difference)} component="div">
            <strong>{difference.path.map(called).join(", ")}</strong> <Told difference={difference} zone={zone} />
          </Text>
        ))}
        {all.length > MOST && (
          <Text size="xs" c="dimmed">
            {m.refs_and_more({ count: all.length - MOST })}
          </Text>
        )}
      </Fragment>
    );
  });
}
