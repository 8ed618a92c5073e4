import { Button, Group, Stack, Text, Textarea } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { m } from "../gen/words/messages";
import { Dialog } from "./Dialog";
import { ErrorView } from "./ErrorView";
import { leaving, useUnsaved } from "./unsaved";

export interface Change<Input> {
  mutate: (input: Input, options?: { onSuccess?: () => void }) => void;
  isPending: boolean;
  error: unknown;
  reset: () => void;
}

/** The one question before something is done: what it means, and why it is done where that goes on record. */
export function Confirm<Input>(props: {
  opened: boolean;
  close: () => void;
  title: string;
  children?: ReactNode;
  /** What has to be entered for it, above the reason. */
  fields?: ReactNode;
  /** Whether something has been entered there. */
  entered?: boolean;
  /** Label of the reason; no reason is asked for without. */
  reason?: string;
  reasonRequired?: boolean;
  verb: string;
  danger?: boolean;
  change: Change<Input>;
  input: (reason: string) => Input;
}) {
  const [reason, setReason] = useState("");
  const { change } = props;
  useUnsaved(props.opened && (reason !== "" || (props.entered ?? false)));
  // However it was closed.
  useEffect(() => {
    if (!props.opened) setReason("");
  }, [props.opened]);
  const close = () => {
    change.reset();
    props.close();
  };
  return (
    <Dialog opened={props.opened} close={close} title={props.title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(props.input(reason.trim()), { onSuccess: close });
        }}
      >
        <Stack>
          {props.children && <Text size="sm">{props.children}</Text>}
          {props.fields}
          {props.reason && (
            <Textarea
              label={props.reason}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
              required={props.reasonRequired ?? false}
              maxLength={500}
              autosize
              minRows={2}
              {...(props.fields ? {} : { "data-autofocus": true })}
            />
          )}
          {change.error ? <ErrorView error={change.error} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={leaving(close)}>
              {m.ui_cancel()}
            </Button>
            <Button type="submit" color={props.danger ? "red" : undefined} loading={change.isPending}>
              {props.verb}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
