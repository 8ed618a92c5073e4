import { onlineManager, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { queryClient, useChange } from "./query";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

interface Move {
  etag: string;
  location: string;
}

/** The request_ids that were sent, and how the server answers. */
let sent: string[];
let answer: () => Promise<void>;
let change: ReturnType<typeof useChange<Move, void>>;
let root: Root;

function Page() {
  change = useChange(
    (_: Move, requestId) => {
      sent.push(requestId);
      return answer();
    },
    { touches: [] },
  );
  return null;
}

beforeEach(async () => {
  sent = [];
  answer = async () => {};
  root = createRoot(document.createElement("div"));
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <Page />
      </QueryClientProvider>,
    ),
  );
});
afterEach(async () => {
  onlineManager.setOnline(true);
  await act(async () => root.unmount());
});

const move = (etag: string) =>
  act(async () => {
    await change.mutateAsync({ etag, location: "B2" }).catch(() => {});
  });

test("what is sent again is the same request; with another etag, or after a success, it is another one", async () => {
  answer = () => Promise.reject(new Error("lost"));
  await move("1");
  await move("1");
  await move("2");
  answer = async () => {};
  await move("2");
  await move("2");
  const [first, again, other, otherAgain, next] = sent;
  expect([again, otherAgain]).toEqual([first, other]);
  expect(new Set([first, other, next]).size).toBe(3);
});

test("a browser that takes itself for offline asks and changes all the same", async () => {
  onlineManager.setOnline(false);
  expect(await queryClient.fetchQuery({ queryKey: ["offline"], queryFn: () => "answered" })).toBe("answered");
  await move("1");
  expect(sent).toHaveLength(1);
});
