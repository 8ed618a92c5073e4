import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Text } from "@mantine/core";
import { type ReactNode, useContext } from "react";
import { m } from "../gen/words/messages";
import { formatTime, ZoneContext } from "../ui/Time";
import { CertificateLink, InstrumentLink, PersonName, ProjectName, RecipeLink, SampleLink } from "./refs";

/** Bookkeeping that changes each time and tells nothing. */
const NOISE = new Set(["updated_at", "etag", "xmin"]);

/** The contract's names of values begin with that of their type. */
const ENUM = /^[A-Z]+(_[A-Z]+)*_(STATE|STATUS|PURPOSE|DISPOSITION)_(?=[A-Z])/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const LONGEST = 120;

export function text(value: JsonValue | undefined, zone = "UTC"): string {
  if (value === undefined || value === null || value === "") return "–";
  if (Array.isArray(value) && value.every((one) => typeof one === "object"))
    return m.refs_entries({ count: value.length });
  if (typeof value !== "string") return shortened(JSON.stringify(value));
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
  return names
    .filter(
      (name) => !NOISE.has(name) && JSON.stringify(before?.[name] ?? null) !== JSON.stringify(after?.[name] ?? null),
    )
    .sort();
}

/** Names of what is named by its id elsewhere. */
const LINKS: [RegExp, (id: string) => ReactNode][] = [
  [/(_by|^operator_id|^author_id|^user_id)$/, (id) => <PersonName id={id} />],
  [/^instrument_id$/, (id) => <InstrumentLink id={id} />],
  [/^sample_id$/, (id) => <SampleLink id={id} />],
  [/^project_id$/, (id) => <ProjectName id={id} />],
  [/^calibration_id$/, (id) => <CertificateLink id={id} />],
  [/^recipe_version_id$/, (id) => <RecipeLink versionId={id} />],
];

function called(name: string): string {
  return name.replace(/_ids?$/, "").replaceAll("_", " ");
}

function Value({ name, value, zone }: { name: string; value: JsonValue | undefined; zone: string }) {
  const link = typeof value === "string" && UUID.test(value) ? LINKS.find(([of]) => of.test(name)) : undefined;
  return link ? link[1](value as string) : text(value, zone);
}

/** The difference between what was and what is. */
export function Changes({ before, after }: { before: JsonObject | undefined; after: JsonObject | undefined }) {
  const zone = useContext(ZoneContext);
  if (!before || Object.keys(before).length === 0)
    return (
      <Text size="xs" c="dimmed">
        {m.refs_new()}
      </Text>
    );
  const names = changed(before, after);
  return names.map((name) => (
    <Text size="xs" key={name} component="div">
      <strong>{called(name)}</strong>{" "}
      <del>
        <Value name={name} value={before[name]} zone={zone} />
      </del>{" "}
      →{" "}
      <ins>
        <Value name={name} value={after?.[name]} zone={zone} />
      </ins>
    </Text>
  ));
}
