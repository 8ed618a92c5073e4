// What somebody has typed and not sent. It is not lost without a question.
import { useEffect, useId, useSyncExternalStore } from "react";
import { session } from "../rpc/session";

const dirty = new Set<string>();
let answer: ((leave: boolean) => void) | undefined;
const listeners = new Set<() => void>();

function asking(now: typeof answer): void {
  answer = now;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Says of a form whether something in it is not saved. */
export function useUnsaved(yes: boolean): void {
  const id = useId();
  useEffect(() => {
    if (!yes) return;
    dirty.add(id);
    return () => void dirty.delete(id);
  }, [yes, id]);
}

/** Whether something would be lost. Of somebody who has left, nothing is kept. */
export function isUnsaved(): boolean {
  return dirty.size > 0 && session.state !== "out";
}

/** Whether one may leave: asked of the person where something would be lost. */
export function mayLeave(): Promise<boolean> {
  answer?.(false);
  if (!isUnsaved()) return Promise.resolve(true);
  return new Promise((resolve) =>
    asking((leave) => {
      asking(undefined);
      if (leave) dirty.clear();
      resolve(leave);
    }),
  );
}

/** Closes a form, or whatever else leaves it, unless the person would rather stay. */
export function leaving(leave: () => void): () => void {
  return () => void mayLeave().then((may) => may && leave());
}

/** How the question is answered, as long as it is asked. */
export function useQuestion(): ((leave: boolean) => void) | undefined {
  return useSyncExternalStore(subscribe, () => answer);
}

session.keepsWhile(isUnsaved);
