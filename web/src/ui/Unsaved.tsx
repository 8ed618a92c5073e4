import { Button, Group, Stack, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { m } from "../gen/words/messages";
import { Modal } from "./Modal";
import { isUnsaved, mayLeave, useQuestion } from "./unsaved";

/** The question before what was typed is lost. A tab that is closed asks in the browser's own words. */
export function Unsaved() {
  const answer = useQuestion();
  useBlocker({
    shouldBlockFn: async ({ current, next }) => current.pathname !== next.pathname && !(await mayLeave()),
    enableBeforeUnload: isUnsaved,
  });
  if (!answer) return null;
  return (
    <Modal opened close={() => answer(false)} title={m.ui_leave_without_saving()} zIndex={300}>
      <Stack>
        <Text size="sm">{m.ui_what_you_entered_is_lost()}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => answer(true)}>
            {m.ui_leave_it()}
          </Button>
          <Button data-autofocus onClick={() => answer(false)}>
            {m.ui_stay()}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
