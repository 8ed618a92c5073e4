// Being told what happens, as long as the page is seen.

import type { QueryKey } from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { failure } from "./failure";
import { queryClient } from "./query";

const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
/** A watch gives a sign of life every 15 s. One that is silent for so long leads nowhere. */
const SILENCE_MS = 40_000;
/** Without HTTP/2 a browser has six connections to a host, for all its windows; so many of them may be watches. */
const CONNECTIONS = 4;
/** A watch that gets none asks for everything so often. */
const ASKED_MS = 15_000;

/** The watches that hear nothing. */
const silent = new Set<symbol>();
const listeners = new Set<() => void>();

function hears(watch: symbol, yes: boolean): void {
  if (yes ? !silent.delete(watch) : silent.has(watch)) return;
  if (!yes) silent.add(watch);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether the page is told what happens: it is not, where one of its watches hears nothing. */
export function useLive(): boolean {
  return useSyncExternalStore(subscribe, () => silent.size === 0);
}

/** One of the connections that watches may take, and how it is given back; undefined where all are taken. */
async function connection(): Promise<(() => void) | undefined> {
  const [page] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  // Only a browser that trusts the page lets its windows agree.
  if (page?.nextHopProtocol !== "http/1.1" || !navigator.locks) return () => {};
  for (let number = 0; number < CONNECTIONS; number++) {
    const giveBack = await new Promise<(() => void) | undefined>((taken) => {
      navigator.locks
        .request(`watch-${number}`, { ifAvailable: true }, (lock) => {
          if (lock) return new Promise<void>((end) => taken(end));
          taken(undefined);
        })
        .catch(() => taken(() => {}));
    });
    if (giveBack) return giveBack;
  }
  return undefined;
}

let askedAt = 0;

/** Asks for everything that the page shows: once for all its watches that have no connection. */
function askNowAndThen(): void {
  if (Date.now() - askedAt < ASKED_MS / 2) return;
  askedAt = Date.now();
  askForAll();
}

function askForAll(): void {
  // What was measured is much, and stays what it is.
  const changes = { predicate: ({ queryKey }: { queryKey: QueryKey }) => queryKey[0] !== "runData" };
  void queryClient.invalidateQueries(changes, { cancelRefetch: false });
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Follows a watch: `start` opens it where the one before ended, `told` gets each of its messages. A stream that ends, for
 * whatever reason, or that is silent, is opened again. A hidden page lets go of it, and where no connection is left, what the
 * page shows is asked for now and then.
 */
export function useWatch<Message extends object>(
  start: (resumeToken: string, signal: AbortSignal) => AsyncIterable<Message>,
  told: (message: Message) => void,
): void {
  const latest = useRef({ start, told });
  latest.current = { start, told };
  useEffect(() => {
    const watch = Symbol("watch");
    let following: AbortController | undefined;
    let stream: AbortController | undefined;
    let patience: ReturnType<typeof setTimeout> | undefined;
    let resumeToken = "";
    /** What happened meanwhile, the watch does not tell any more. */
    let missed = false;

    function listen() {
      clearTimeout(patience);
      patience = setTimeout(() => {
        hears(watch, false);
        stream?.abort();
        listen();
      }, SILENCE_MS);
    }
    function rest() {
      clearTimeout(patience);
      patience = undefined;
      hears(watch, true);
    }
    async function follow(signal: AbortSignal) {
      let pause = PAUSE_MS;
      while (!signal.aborted) {
        const giveBack = await connection();
        if (!giveBack) {
          rest();
          await wait(ASKED_MS);
          if (!signal.aborted) askNowAndThen();
          // Once it gets one, it begins then, and not where was asked last.
          missed ||= resumeToken === "";
          continue;
        }
        if (signal.aborted) return giveBack();
        stream = new AbortController();
        if (patience === undefined) listen();
        try {
          for await (const message of latest.current.start(resumeToken, AbortSignal.any([signal, stream.signal]))) {
            listen();
            hears(watch, true);
            pause = PAUSE_MS;
            if (missed) askForAll();
            missed = false;
            resumeToken = "resumeToken" in message ? String(message.resumeToken) : "";
            latest.current.told(message);
          }
        } catch (error) {
          // A token that is too old would be refused for ever.
          if (failure(error).reason.startsWith("RESUME_TOKEN") || pause > 4 * PAUSE_MS) resumeToken = "";
          // A page that was hidden meanwhile is asked anew by itself.
          if (!signal.aborted) missed ||= resumeToken === "";
        } finally {
          giveBack();
        }
        if (signal.aborted) return;
        await wait(pause);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
    function stop() {
      following?.abort();
      following = undefined;
      rest();
    }
    function look() {
      const seen = document.visibilityState === "visible";
      if (seen && !following) {
        following = new AbortController();
        void follow(following.signal);
      } else if (!seen) stop();
    }
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      stop();
    };
  }, []);
}
