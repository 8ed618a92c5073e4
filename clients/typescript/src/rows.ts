import type { CallOptions } from "@connectrpc/connect";

type Page = { nextPageToken: string };

/** The rows of a list, page by page: `of` says where a page has them. */
export async function* rows<Request extends object, P extends Page, Row>(
  list: (request: Request, options?: CallOptions) => Promise<P>,
  request: Request,
  of: (page: P) => Row[],
  options?: CallOptions,
): AsyncGenerator<Row, void, undefined> {
  let page = await list(request, options);
  yield* of(page);
  while (page.nextPageToken !== "") {
    page = await list({ ...request, pageToken: page.nextPageToken }, options);
    yield* of(page);
  }
}
