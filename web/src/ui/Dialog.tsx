import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { m } from "../gen/words/messages";
import { leaving, useQuestion } from "./unsaved";

/** A form over the page. However it is closed, what was typed into it is not lost without a question. */
export function Dialog(props: {
  opened: boolean;
  close: () => void;
  title: string;
  size?: "md" | "lg";
  children: ReactNode;
}) {
  const asked = useQuestion() !== undefined;
  return (
    <Modal
      opened={props.opened}
      onClose={leaving(props.close)}
      // The question's own Escape is not this one's.
      closeOnEscape={!asked}
      title={props.title}
      size={props.size ?? "md"}
      closeButtonProps={{ "aria-label": m.ui_close() }}
    >
      {props.children}
    </Modal>
  );
}
