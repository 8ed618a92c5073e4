import { type ReactNode, useState } from "react";
import { Action } from "./Action";
import { type Change, Confirm } from "./Confirm";

/**
 * What is done only after a question: the button, and the question that it asks. Where somebody else has done it meanwhile,
 * so that the button is for the opposite, the question is closed and not turned into that.
 */
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
  /** The verb and what it is done with, where a page has several. */
  label?: string;
  disabledReason: string | undefined;
  change: Change<Input>;
  input: (reason: string) => Input;
}) {
  const [asked, setAsked] = useState<string>();
  return (
    <>
      <Action
        variant={props.main ? "filled" : "default"}
        {...(props.small ? { size: "compact-xs" } : {})}
        {...(props.label ? { "aria-label": props.label } : {})}
        disabledReason={props.disabledReason}
        onClick={() => {
          props.change.reset();
          setAsked(props.verb);
        }}
      >
        {props.verb}
      </Action>
      <Confirm
        opened={asked === props.verb}
        close={() => setAsked(undefined)}
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
