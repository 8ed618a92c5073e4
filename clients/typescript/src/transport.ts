import { create, type DescMessage, type DescMethod, equals, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { v4 as uuid } from "uuid";
import { type LabError, labError } from "./errors.js";
import { hasRequestId, isRepeatable, sleep, waitMs } from "./retry.js";
import type { Session } from "./session.js";

/**
 * What each call passes: typed errors, and another try where that is safe. `session` adds the token; when `life` is over, so
 * are calls.
 */
export function labTransport(wire: Transport, retries: number, life: AbortSignal, session?: Session): Transport {
  /** Sends, as often as it takes, is safe, and can be waited for. */
  async function attempt<T>(method: DescMethod, signal: AbortSignal | undefined, time: Time,
    headers: HeadersInit | undefined, send: (headers: HeadersInit | undefined, token?: string) => Promise<T>): Promise<T> {
    let renewed = false;
    for (let tries = 1; ; ) {
      if (life.aborted) throw labError(new ConnectError("the lab is closed", Code.Canceled), true);
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
        if (wait === undefined || signal?.aborted || !time.allows(wait)) throw error;
        await sleep(wait, signal);
      }
    }
  }

  return {
    unary(method, given, timeoutMs, headers, input, contextValues) {
      const signal = given ? AbortSignal.any([given, life]) : life;
      const message = withRequestId(method, input);
      const time = new Time(timeoutMs);
      return attempt(method, signal, time, headers, (headers) =>
        wire.unary(method, signal, time.left(), headers, message, contextValues));
    },

    async stream(method, given, timeoutMs, headers, input, contextValues) {
      const signal = given ? AbortSignal.any([given, life]) : life;
      // Kept, to be sent again.
      const messages: (typeof input extends AsyncIterable<infer M> ? M : never)[] = [];
      for await (const message of input) messages.push(message);
      const time = new Time(timeoutMs);
      const told = new Told<MessageShape<typeof method.output>>();

      /** Makes the call, and takes its first message that was not told before. */
      const begin = (broke?: LabError) =>
        attempt(method, signal, time, headers, async (headers, token) => {
          const requests = each(messages.map((message) => told.rest(message)));
          const response = await wire.stream(method, signal, time.left(), headers, requests, contextValues);
          const answer = response.message[Symbol.asyncIterator]();
          let first = await answer.next();
          for (let place = 0; place < told.again && !first.done; place++) {
            if (place === 0 && !equals(method.output, first.value, told.first!)) throw broke;
            first = await answer.next();
          }
          return { response, answer, first, token };
        });

      let now = await begin();
      /** The messages to the end; where the call only reads and the answer breaks off, it is made again, for the rest. */
      async function* all() {
        try {
          for (let next = now.first; !next.done; ) {
            told.add(next.value);
            yield next.value;
            try {
              next = await now.answer.next();
            } catch (thrown) {
              const error = labError(thrown, signal.aborted);
              let wait = retries > 0 ? waitMs(error, 1) : undefined;
              if (error.reason === "TOKEN_EXPIRED" && now.token !== undefined) {
                session?.expired(now.token);
                wait = 0;
              }
              if (wait === undefined || signal.aborted || !isRepeatable(method) || !time.allows(wait)) throw error;
              await sleep(wait, signal);
              now = await begin(error);
              next = now.first;
            }
          }
        } finally {
          await now.answer.return?.();
        }
      }
      return { ...now.response, message: all() };
    },
  };
}

/** What a call may take, with all its tries. */
class Time {
  readonly #ends: number | undefined;

  constructor(timeoutMs: number | undefined) {
    this.#ends = timeoutMs && Date.now() + timeoutMs;
  }

  left(): number | undefined {
    return this.#ends && Math.max(1, this.#ends - Date.now());
  }

  allows(waitMs: number): boolean {
    return this.#ends === undefined || Date.now() + waitMs < this.#ends;
  }
}

/** What a stream has told so far, and what to ask for the rest of it. */
class Told<M extends object> {
  /** What an answer told first says what it is. */
  first: M | undefined;
  /** How many messages of the next answer were told already. */
  again = 0;
  #fromSeq: number | undefined;

  add(message: M): void {
    if ("chunk" in message) {
      this.#fromSeq = (message.chunk as { seq: number }).seq + 1;
    } else {
      this.first ??= message;
      this.again++;
    }
  }

  rest<Request>(request: Request): Request {
    return this.#fromSeq === undefined ? request : { ...request, fromSeq: this.#fromSeq };
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
