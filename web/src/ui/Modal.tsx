import {
  ModalBase,
  ModalBaseBody,
  ModalBaseCloseButton,
  ModalBaseContent,
  ModalBaseHeader,
  ModalBaseOverlay,
  ModalBaseTitle,
} from "@mantine/core";
import type { ReactNode } from "react";
import { m } from "../gen/words/messages";
import classes from "./Modal.module.css";

/** What is over the page until it is answered. Mantine's own Modal brings its scroll bars and menus into the first load. */
export function Modal(props: {
  opened: boolean;
  /** Where it cannot be closed, there is none. */
  close?: () => void;
  closeOnEscape?: boolean;
  title: string;
  wide?: boolean;
  /** Nobody reads what is beneath. */
  veiled?: boolean;
  /** What is asked over another one. */
  zIndex?: number;
  children: ReactNode;
}) {
  const { close, veiled = false } = props;
  return (
    <ModalBase
      opened={props.opened}
      onClose={close ?? (() => {})}
      closeOnEscape={close !== undefined && (props.closeOnEscape ?? true)}
      closeOnClickOutside={close !== undefined}
      withinPortal
      lockScroll
      trapFocus
      returnFocus
      zIndex={props.zIndex ?? 200}
      transitionProps={{ duration: 200, transition: "fade-down" }}
    >
      <ModalBaseOverlay {...(veiled ? { blur: 12 } : {})} />
      <ModalBaseContent
        className={`${classes.content} ${props.wide ? classes.wide : ""}`}
        innerProps={{ className: classes.inner ?? "", style: {} }}
      >
        {/* The head of a dialog is no second banner of the page. */}
        <ModalBaseHeader role="presentation">
          <ModalBaseTitle>{props.title}</ModalBaseTitle>
          {close && <ModalBaseCloseButton aria-label={m.ui_close()} />}
        </ModalBaseHeader>
        <ModalBaseBody>{props.children}</ModalBaseBody>
      </ModalBaseContent>
    </ModalBase>
  );
}
