import { useLocalStorage } from "@mantine/hooks";
import { lazyRouteComponent, useNavigate } from "@tanstack/react-router";
import { Suspense, useEffect, useRef } from "react";
import { m } from "../gen/words/messages";
import { Modal } from "../ui/Modal";

const GO = {
  t: "/",
  s: "/samples",
  p: "/projects",
  i: "/instruments",
  d: "/due",
  r: "/runs",
  e: "/recipes",
  a: "/audit",
} as const;

/** Its code comes when somebody asks for it. */
const KeyList = lazyRouteComponent(() => import("./KeyList"));

/**
 * Keys, and the list of them. None counts where somebody is writing, nor where somebody has turned them off, who may speak to
 * the computer or press keys unawares (WCAG 2.1.4).
 */
export function Keys({ opened, open, close }: { opened: boolean; open: () => void; close: () => void }) {
  const [on, setOn] = useLocalStorage({ key: "keys", defaultValue: true, getInitialValueInEffect: false });
  const navigate = useNavigate();
  const going = useRef(0);
  useEffect(() => {
    function pressed(event: KeyboardEvent) {
      const at = event.target as HTMLElement;
      const writing = at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
      // Whoever leaves a field by Escape can use the keys again.
      if (writing && event.key === "Escape" && !document.querySelector("[role=dialog]")) at.blur();
      if (!on || writing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("[role=dialog]"))
        return;
      const place = GO[event.key as keyof typeof GO];
      if (place && Date.now() - going.current < 1_500) {
        going.current = 0;
        event.preventDefault();
        return void navigate({ to: place });
      }
      if (event.key === "g") going.current = Date.now();
      if (event.key === "?") open();
      const wanted = { "/": "search", c: "create" }[event.key];
      const element = wanted && document.querySelector<HTMLElement>(`[data-key=${wanted}]`);
      if (element) {
        event.preventDefault();
        if (wanted === "search") element.focus();
        else element.click();
      }
    }
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [navigate, open, on]);
  return (
    <Modal opened={opened} close={close} title={m.app_keys()}>
      <Suspense>
        <KeyList on={on} turn={setOn} />
      </Suspense>
    </Modal>
  );
}
