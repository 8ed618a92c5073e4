import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { m } from "../gen/words/messages";
import { failure } from "../rpc/failure";

/** What an editor's fields are called; those that it cannot change have no name. */
export type Names<Values> = { [Name in keyof Values]?: string };

interface Editor<Stored, Values> {
  /** As it is stored now, as far as the page knows. */
  stored: Stored;
  valuesOf: (stored: Stored) => Values;
  fields: Names<Values>;
  /** How a value is shown that is not shown as it is. */
  show?: { [Name in keyof Values]?: (value: Values[Name]) => ReactNode };
  typed: () => Values;
  /** Fills the form anew. */
  fill: (values: Values) => void;
  change: { error: unknown; reset: () => void };
}

/**
 * What an editor began with, whose etag goes with what it sends: that it is still so is what the server checks. Where it
 * is not, the conflict to show.
 */
export function useBase<Stored, Values extends object>(editor: Editor<Stored, Values>) {
  const { stored, change } = editor;
  const [base, setBase] = useState(stored);
  const settle = () => {
    setBase(stored);
    change.reset();
  };
  const conflict = isConflict(change.error) ? (
    <Conflict
      fields={editor.fields}
      {...(editor.show ? { show: editor.show } : {})}
      stored={editor.valuesOf(stored)}
      typed={editor.typed()}
      take={() => {
        editor.fill(editor.valuesOf(stored));
        settle();
      }}
      keep={settle}
    />
  ) : undefined;
  return { base, conflict };
}

/** Whether a change was refused because somebody else has changed the same thing meanwhile. */
export function isConflict(error: unknown): boolean {
  return Boolean(error) && failure(error).reason === "ETAG_MISMATCH";
}

/** Somebody else saved meanwhile: what is stored now beside what was typed, and which of them shall hold. */
export function Conflict<Values extends object>(props: {
  fields: Names<Values>;
  show?: { [Name in keyof Values]?: (value: Values[Name]) => ReactNode };
  stored: Values;
  typed: Values;
  take: () => void;
  keep: () => void;
}) {
  const { fields, stored, typed } = props;
  const names = Object.keys(fields) as (keyof Values)[];
  const shown = (values: Values, name: keyof Values) =>
    textOf(values[name]) ? (props.show?.[name]?.(values[name]) ?? textOf(values[name])) : m.ui_nothing();
  return (
    <Alert color="yellow" title={m.ui_what_is_stored_now()}>
      <Stack gap="xs">
        {names
          .filter((name) => textOf(stored[name]) !== textOf(typed[name]))
          .map((name) => (
            <Text key={String(name)} size="sm">
              {m.ui_stored_is({ field: fields[name] ?? "" })} <strong>{shown(stored, name)}</strong>
              {m.ui_you_typed()} <strong>{shown(typed, name)}</strong>
            </Text>
          ))}
        <Group>
          <Button size="xs" variant="default" onClick={props.take}>
            {m.ui_take_what_is_stored()}
          </Button>
          <Button size="xs" variant="default" onClick={props.keep}>
            {m.ui_keep_mine_then_save()}
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}

/** A value as text: of named ones those that are there, by their names. */
function textOf(value: unknown): string {
  if (typeof value === "boolean") return value ? m.ui_yes() : m.ui_no();
  if (typeof value !== "object" || value === null || Array.isArray(value)) return String(value ?? "");
  const lines = Object.entries(value).flatMap(([name, one]) => (one === "" ? [] : [`${name}: ${one}`]));
  return lines.sort().join(", ");
}
