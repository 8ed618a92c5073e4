// The one cache of what the server said, and the one way to change something.
import { QueryClient, type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { failure } from "./failure";

const TRIES = 3;

/** Whoever is away is asked again, when it says so or after a moment. */
function retry(count: number, error: unknown): boolean {
  return count < TRIES && failure(error).away;
}

function retryDelay(count: number, error: unknown): number {
  return failure(error).retryAfterMs ?? Math.min(500 * 2 ** count, 5_000);
}

export const queryClient = new QueryClient({
  defaultOptions: {
    // What a browser takes for being offline need not be: the lab may be on this very machine. It is asked, and whoever
    // is not answered is told so.
    queries: {
      networkMode: "always",
      retry,
      retryDelay,
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      refetchOnReconnect: true,
    },
    mutations: { networkMode: "always", retry, retryDelay },
  },
});

/** For what no watch tells of: it is asked for again and again while the page is seen. */
export const FOLLOWED = { refetchInterval: 15_000 } as const;

/** A UUID. Where a page has no secure context, randomUUID is missing, but random numbers are not. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * A change. Sent again after a failure that may have come too late, it has the same request_id and counts once; only
 * another content, or another success, gets a new one. All that is sent is in the input, the etag too, and which way it
 * goes: what a page shows may change before it is sent again.
 */
export function useChange<Input, Output>(
  send: (input: Input, requestId: string) => Promise<Output>,
  {
    touches,
    done,
    once = false,
  }: {
    touches: QueryKey[];
    done?: (output: Output) => void;
    /** For a method without a request_id: whoever is not answered decides for themselves whether to send it again. */
    once?: boolean;
  },
) {
  const client = useQueryClient();
  const renew = () => Promise.all(touches.map((queryKey) => client.invalidateQueries({ queryKey })));
  const last = useRef<{ content: string; id: string } | undefined>(undefined);
  return useMutation({
    ...(once ? { retry: false } : {}),
    mutationFn: (input: Input) => {
      const content = JSON.stringify(input, (_, value) => (typeof value === "bigint" ? value.toString() : value));
      if (last.current?.content !== content) last.current = { content, id: newId() };
      return send(input, last.current.id);
    },
    // What somebody else has made of it meanwhile is wanted at once.
    onError: (error) => (failure(error).reason === "ETAG_MISMATCH" ? renew() : undefined),
    onSuccess: async (output) => {
      last.current = undefined;
      await renew();
      done?.(output);
    },
  });
}
