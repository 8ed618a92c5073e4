import type { ReactNode } from "react";
import { Modal } from "./Modal";
import { leaving, useQuestion } from "./unsaved";

/** A form over the page. However it is closed, what was typed into it is not lost without a question. */
export function Dialog(props: {
  opened: boolean;
  close: () => void;
  title: string;
  wide?: boolean;
  children: ReactNode;
}) {
  const asked = useQuestion() !== undefined;
  return (
    <Modal
      opened={props.opened}
      close={leaving(props.close)}
      // The question's own Escape is not this one's.
      closeOnEscape={!asked}
      title={props.title}
      wide={props.wide ?? false}
    >
      {props.children}
    </Modal>
  );
}
