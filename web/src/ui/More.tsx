import { Button } from "@mantine/core";
import { m } from "../gen/words/messages";
import { ErrorView } from "./ErrorView";

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  error: unknown;
  fetchNextPage: () => unknown;
}

/** Below a list that goes on: its next page, on demand. */
export function More({ query }: { query: Pages }) {
  if (query.isFetchNextPageError) return <ErrorView error={query.error} again={() => query.fetchNextPage()} />;
  if (!query.hasNextPage) return null;
  return (
    <Button variant="default" aria-busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
      {m.ui_more()}
    </Button>
  );
}
