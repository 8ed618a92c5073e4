import { type CallOptions, Code, ConnectError } from "@connectrpc/connect";
import { labError, NotSignedIn, Unavailable } from "./errors.js";
import { sleep, waitMs } from "./retry.js";

/** A sign of life comes every 15 s: after so long without one, the connection is given up. */
const SILENCE_MS = 45_000;
/** Longest wait between two tries to connect. */
const LONGEST_WAIT_MS = 5_000;

/**
 * The messages of a watch for as long as the caller listens, signs of life among them: the first says that it has begun.
 * When the connection breaks or the access token ends, it goes on where it was. Events come at least once and in order.
 * It ends when the lab is closed.
 */
export async function* watch<Request extends object, Message extends object>(
  method: (request: Request, options?: CallOptions) => AsyncIterable<Message>,
  request: Request,
  options?: CallOptions,
): AsyncGenerator<Message, void, undefined> {
  let next = request;
  // A token that ended is another one at the next try, however many failed before; twice in a row, it is no use.
  let expired = false;
  for (let tries = 1; ; tries++) {
    const stream = new AbortController();
    const signal = options?.signal ? AbortSignal.any([options.signal, stream.signal]) : stream.signal;
    let silent = false;
    const giveUp = () => {
      silent = true;
      stream.abort();
    };
    let silence = setTimeout(giveUp, SILENCE_MS);
    try {
      for await (const message of method(next, { ...options, signal })) {
        tries = 1;
        expired = false;
        clearTimeout(silence);
        if ("resumeToken" in message) next = { ...request, resumeToken: message.resumeToken };
        yield message;
        silence = setTimeout(giveUp, SILENCE_MS);
      }
      // A watch has no end of its own: whoever ended it is going away.
      throw new ConnectError("the watch ended", Code.Unavailable);
    } catch (thrown) {
      if (options?.signal?.aborted) return;
      const error = labError(silent ? new ConnectError("the watch fell silent", Code.Unavailable) : thrown);
      // The lab is closed.
      if (error.code === Code.Canceled && !(error instanceof Unavailable)) return;
      const renewed: boolean = error instanceof NotSignedIn && error.reason === "TOKEN_EXPIRED" && !expired;
      expired = renewed;
      const wait = renewed ? 0 : waitMs(error, tries, LONGEST_WAIT_MS);
      if (wait === undefined) throw error;
      await sleep(wait, options?.signal);
    } finally {
      clearTimeout(silence);
      // Whoever stops listening ends the call.
      stream.abort();
    }
  }
}
