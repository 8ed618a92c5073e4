import { Button, type ButtonProps, Tooltip, VisuallyHidden } from "@mantine/core";
import { type MouseEventHandler, type ReactNode, useId } from "react";
import { m } from "../gen/words/messages";

interface Props extends Omit<ButtonProps, "disabled"> {
  children: ReactNode;
  onClick?: MouseEventHandler<HTMLButtonElement>;
  type?: "button" | "submit";
  /** Why it cannot be done now. The button then stays where it is, can be reached, and says so. */
  disabledReason?: string | undefined;
}

/** A button that always says why, when it does nothing. It is one and the same however that changes, and keeps the focus. */
export function Action({ disabledReason, onClick, children, type = "button", ...rest }: Props) {
  const id = useId();
  const off = disabledReason !== undefined;
  return (
    <>
      <Tooltip
        label={disabledReason}
        disabled={!off}
        multiline
        // In the page, not beside its landmarks; a page that is wider than its window does not cut it off.
        withinPortal={false}
        floatingStrategy="fixed"
        maw={280}
        events={{ hover: true, focus: true, touch: true }}
      >
        <Button
          {...rest}
          {...(off
            ? { type: "button", "data-disabled": true, "aria-disabled": true, "aria-describedby": id }
            : { type, ...(onClick ? { onClick } : {}) })}
        >
          {children}
        </Button>
      </Tooltip>
      {off && <VisuallyHidden id={id}>{disabledReason}</VisuallyHidden>}
    </>
  );
}

/** The reason why a role may not, for `disabledReason`. */
export function unless(may: boolean, what: string): string | undefined {
  return may ? undefined : m.ui_role_may_not({ what });
}
