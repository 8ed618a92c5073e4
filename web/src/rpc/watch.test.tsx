import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useLive, useWatch } from "./watch";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

interface Message {
  event?: string;
  resumeToken: string;
}

/** A server: what was asked of it, and how it says something to the watch that is open. */
function server() {
  const asked: string[] = [];
  let say: (message: Message) => void = () => {};
  async function* start(resumeToken: string, signal: AbortSignal): AsyncIterable<Message> {
    asked.push(resumeToken);
    while (!signal.aborted)
      yield await new Promise<Message>((resolve, reject) => {
        say = resolve;
        signal.addEventListener("abort", () => reject(signal.reason));
      });
  }
  return { asked, start, say: (message: Message) => say(message) };
}

let root: Root;
let live: boolean;
const heard: (string | undefined)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  heard.length = 0;
  root = createRoot(document.createElement("div"));
});
afterEach(async () => {
  await act(async () => root.unmount());
  vi.useRealTimers();
});

async function watching(one: ReturnType<typeof server>) {
  function Page() {
    useWatch(one.start, ({ event }) => heard.push(event));
    live = useLive();
    return null;
  }
  await act(async () => root.render(<Page />));
}
const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

test("a watch that hears nothing for long is not live, is opened again where it was, and lives again", async () => {
  const one = server();
  await watching(one);
  await act(async () => one.say({ event: "start", resumeToken: "1" }));
  expect(live).toBe(true);
  await pass(39_000);
  expect(live).toBe(true);
  await pass(2_000);
  expect(live).toBe(false);
  await pass(2_000);
  expect(one.asked).toEqual(["", "1"]);
  await act(async () => one.say({ resumeToken: "2" }));
  expect(live).toBe(true);
  expect(heard).toEqual(["start", undefined]);
});

test("signs of life are enough", async () => {
  const one = server();
  await watching(one);
  for (let nth = 0; nth < 5; nth++) {
    await pass(15_000);
    await act(async () => one.say({ resumeToken: String(nth) }));
  }
  expect(live).toBe(true);
  expect(one.asked).toEqual([""]);
});

test("of a page that was left, nothing is missed", async () => {
  const one = server();
  await watching(one);
  await pass(41_000);
  expect(live).toBe(false);
  await act(async () => root.unmount());
  root = createRoot(document.createElement("div"));
  await watching(server());
  expect(live).toBe(true);
});
