import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { queryClient } from "./query";
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
  vi.restoreAllMocks();
  Reflect.deleteProperty(navigator, "locks");
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

test("a watch that was away for long begins anew, and what it missed is asked for once", async () => {
  const one = server();
  const asked = vi.spyOn(queryClient, "invalidateQueries").mockResolvedValue();
  let away = false;
  const { start } = one;
  one.start = (resumeToken, signal) => {
    if (!away) return start(resumeToken, signal);
    one.asked.push(resumeToken);
    throw new Error("away");
  };
  await watching(one);
  await act(async () => one.say({ event: "start", resumeToken: "1" }));
  away = true;
  await pass(70_000);
  expect(one.asked.slice(0, 3)).toEqual(["", "1", "1"]);
  expect(one.asked.at(-1)).toBe("");
  expect(asked).not.toHaveBeenCalled();
  away = false;
  await pass(15_000);
  await act(async () => one.say({ event: "anew", resumeToken: "9" }));
  await act(async () => one.say({ event: "next", resumeToken: "10" }));
  expect(asked).toHaveBeenCalledTimes(1);
  expect(heard).toEqual(["start", "anew", "next"]);
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

/** A page that came by this protocol, and the locks that its window shares with others; names of those that are held. */
function windows(held: Set<string>, nextHopProtocol = "http/1.1") {
  const page = { nextHopProtocol } as PerformanceNavigationTiming;
  vi.spyOn(performance, "getEntriesByType").mockReturnValue([page]);
  const request = async (name: string, _: LockOptions, hold: (lock: unknown) => unknown) => {
    if (held.has(name)) return hold(null);
    held.add(name);
    await hold({ name });
    held.delete(name);
  };
  Object.defineProperty(navigator, "locks", { configurable: true, value: { request } });
}

test("a watch without a connection asks for everything now and then, and takes one that comes free", async () => {
  const held = new Set(["watch-0", "watch-1", "watch-2", "watch-3"]);
  windows(held);
  const asked = vi.spyOn(queryClient, "invalidateQueries").mockResolvedValue();
  const [one, two] = [server(), server()];
  function Page() {
    useWatch(one.start, ({ event }) => heard.push(event));
    useWatch(two.start, () => {});
    live = useLive();
    return null;
  }
  await act(async () => root.render(<Page />));
  await pass(16_000);
  // Once for both.
  expect(asked).toHaveBeenCalledTimes(1);
  await pass(30_000);
  expect(asked).toHaveBeenCalledTimes(3);
  expect([one.asked, two.asked, live]).toEqual([[], [], true]);

  held.delete("watch-2");
  await pass(15_000);
  expect([one.asked, two.asked]).toEqual([[""], []]);
  await act(async () => one.say({ event: "start", resumeToken: "1" }));
  expect(heard).toEqual(["start"]);
  expect(held.size).toBe(4);
  await act(async () => root.unmount());
  root = createRoot(document.createElement("div"));
  await pass(0);
  expect([...held].sort()).toEqual(["watch-0", "watch-1", "watch-3"]);
});

test("over HTTP/2 each watch has a connection, however many others have", async () => {
  windows(new Set(["watch-0", "watch-1", "watch-2", "watch-3"]), "h2");
  const one = server();
  await watching(one);
  expect(one.asked).toEqual([""]);
});
