import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { m } from "../gen/words/messages";

/** Somebody else saved meanwhile: what is stored now beside what was typed, and which of them shall hold. */
export function Conflict<Values extends object>(props: {
  fields: { [Name in keyof Values]: string };
  stored: Values;
  typed: Values;
  take: () => void;
  keep: () => void;
}) {
  const { fields, stored, typed } = props;
  const names = Object.keys(fields) as (keyof Values)[];
  const shown = (values: Values, name: keyof Values) => String(values[name]) || m.ui_nothing();
  return (
    <Alert color="yellow" title={m.ui_what_is_stored_now()}>
      <Stack gap="xs">
        {names
          .filter((name) => String(stored[name]) !== String(typed[name]))
          .map((name) => (
            <Text key={String(name)} size="sm">
              {m.ui_stored_is({ field: fields[name] })} <strong>{shown(stored, name)}</strong>
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
