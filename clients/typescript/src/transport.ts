import { create, type DescMessage, type DescMethod, type MessageInitShape } from "@bufbuild/protobuf";
import type { StreamResponse, Transport } from "@connectrpc/connect";
import { v4 as uuid } from "uuid";
import { labError } from "./errors.js";
import { hasRequestId, isRepeatable, sleep, waitMs } from "./retry.js";
import type { Session } from "./session.js";

/** What each call passes: typed errors, and another try where that is safe. `session` adds the token. */
export function labTransport(wire: Transport, retries: number, session?: Session): Transport {
  async function attempt<T>(method: DescMethod, signal: AbortSignal | undefined, headers: HeadersInit | undefined,
    send: (headers: HeadersInit | undefined, token: string | undefined) => Promise<T>): Promise<T> {
    let renewed = false;
    for (let tries = 1; ; ) {
      let token: string | undefined;
      try {
        token = await session?.accessToken();
        return await send(token === undefined ? headers : withToken(headers, token), token);
      } catch (thrown) {
        const error = labError(thrown, signal?.aborted);
        if (error.reason === "TOKEN_EXPIRED" && token !== undefined && !renewed) {
          session?.expired(token);
          renewed = true;
          continue;
        }
        const wait = isRepeatable(method) && tries++ <= retries ? waitMs(error, tries - 1) : undefined;
        if (wait === undefined || signal?.aborted) throw error;
        await sleep(wait, signal);
      }
    }
  }

  return {
    unary(method, signal, timeoutMs, headers, input, contextValues) {
      const message = withRequestId(method, input);
      return attempt(method, signal, headers, (headers) =>
        wire.unary(method, signal, timeoutMs, headers, message, contextValues));
    },

    async stream(method, signal, timeoutMs, headers, input, contextValues) {
      // Kept, to be sent again.
      const messages: (typeof input extends AsyncIterable<infer M> ? M : never)[] = [];
      for await (const message of input) messages.push(message);
      return attempt(method, signal, headers, async (headers, token) => {
        const response = await wire.stream(method, signal, timeoutMs, headers, each(messages), contextValues);
        return { ...response, message: typed(response, signal, () => token !== undefined && session?.expired(token)) };
      });
    },
  };
}

/** The messages of a stream, with typed errors; `expired` is told when the stream ended with its token. */
async function* typed<I extends DescMessage, O extends DescMessage>(
  response: StreamResponse<I, O>, signal: AbortSignal | undefined, expired: () => void) {
  try {
    yield* response.message;
  } catch (thrown) {
    const error = labError(thrown, signal?.aborted);
    if (error.reason === "TOKEN_EXPIRED") expired();
    throw error;
  }
}

/** The request with a request_id, so that each try is known as the same; one that the caller gave is kept. */
function withRequestId<I extends DescMessage>(method: DescMethod & { input: I }, input: MessageInitShape<I>) {
  if (!hasRequestId(method) || (input as { requestId?: string }).requestId) return input;
  return create(method.input, { ...input, requestId: uuid() } as MessageInitShape<I>) as MessageInitShape<I>;
}

function withToken(headers: HeadersInit | undefined, token: string): Headers {
  const all = new Headers(headers);
  all.set("authorization", `Bearer ${token}`);
  return all;
}

async function* each<T>(items: T[]) {
  yield* items;
}
