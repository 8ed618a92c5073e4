// Being told what happens, as long as the page is seen.
import { useEffect, useRef, useSyncExternalStore } from "react";

const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
/** A watch gives a sign of life every 15 s. One that is silent for so long leads nowhere. */
const SILENCE_MS = 40_000;

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

/**
 * Follows a watch: `start` opens it where the one before ended, `told` gets each of its messages. A stream that ends, for
 * whatever reason, or that is silent, is opened again. A hidden page lets go of it: browsers allow few connections to a host.
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

    function listen() {
      clearTimeout(patience);
      patience = setTimeout(() => {
        hears(watch, false);
        stream?.abort();
        listen();
      }, SILENCE_MS);
    }
    async function follow(signal: AbortSignal) {
      let pause = PAUSE_MS;
      while (!signal.aborted) {
        stream = new AbortController();
        try {
          for await (const message of latest.current.start(resumeToken, AbortSignal.any([signal, stream.signal]))) {
            listen();
            hears(watch, true);
            pause = PAUSE_MS;
            resumeToken = "resumeToken" in message ? String(message.resumeToken) : "";
            latest.current.told(message);
          }
        } catch {
          // A token that is too old would be refused for ever; the page's own queries have what was missed.
          if (pause > 4 * PAUSE_MS) resumeToken = "";
        }
        if (signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, pause));
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
    function stop() {
      following?.abort();
      following = undefined;
      clearTimeout(patience);
      hears(watch, true);
    }
    function look() {
      const seen = document.visibilityState === "visible";
      if (seen && !following) {
        following = new AbortController();
        listen();
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
