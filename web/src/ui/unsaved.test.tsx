import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { isUnsaved, mayLeave, useQuestion, useUnsaved } from "./unsaved";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

let answer: ReturnType<typeof useQuestion>;

function Form({ dirty }: { dirty: boolean }) {
  useUnsaved(dirty);
  answer = useQuestion();
  return null;
}

test("nobody is asked where nothing is lost, and nothing is lost before the answer", async () => {
  const root = createRoot(document.createElement("div"));
  await act(async () => root.render(<Form dirty={false} />));
  expect(await mayLeave()).toBe(true);

  await act(async () => root.render(<Form dirty />));
  expect(isUnsaved()).toBe(true);
  const left = vi.fn();
  await act(async () => void mayLeave().then(left));
  expect(left).not.toHaveBeenCalled();
  await act(async () => answer?.(false));
  expect(left).toHaveBeenCalledWith(false);
  expect(isUnsaved()).toBe(true);

  await act(async () => void mayLeave().then(left));
  await act(async () => answer?.(true));
  expect(left).toHaveBeenLastCalledWith(true);
  // Whoever has given it up is not asked again on the way out.
  expect(await mayLeave()).toBe(true);
});

test("a form that is gone, or saved, is not asked about", async () => {
  const root = createRoot(document.createElement("div"));
  await act(async () => root.render(<Form dirty />));
  expect(isUnsaved()).toBe(true);
  await act(async () => root.render(<Form dirty={false} />));
  expect(isUnsaved()).toBe(false);
  await act(async () => root.render(<Form dirty />));
  await act(async () => root.unmount());
  expect(isUnsaved()).toBe(false);
});
