import { useDisclosure } from "@mantine/hooks";
import type { ReactNode } from "react";
import { Action } from "./Action";
import { type Change, Confirm } from "./Confirm";

/** What is done only after a question: the button, and the question that it asks. */
export function ConfirmedAction<Input>(props: {
  verb: string;
  /** The verb on the button of the question, where it is longer there. */
  sure?: string;
  title: string;
  /** What it means. */
  children: ReactNode;
  reason?: string;
  reasonRequired?: boolean;
  danger?: boolean;
  /** The one that is expected next. */
  main?: boolean;
  small?: boolean;
  disabledReason: string | undefined;
  change: Change<Input>;
  input: (reason: string) => Input;
}) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Action
        variant={props.main ? "filled" : "default"}
        {...(props.small ? { size: "compact-xs" } : {})}
        disabledReason={props.disabledReason}
        onClick={open}
      >
        {props.verb}
      </Action>
      <Confirm
        opened={opened}
        close={close}
        title={props.title}
        {...(props.reason ? { reason: props.reason } : {})}
        reasonRequired={props.reasonRequired ?? false}
        verb={props.sure ?? props.verb}
        danger={props.danger ?? false}
        change={props.change}
        input={props.input}
      >
        {props.children}
      </Confirm>
    </>
  );
}
