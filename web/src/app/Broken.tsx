import { m } from "../gen/words/messages";
import { ErrorView } from "../ui/ErrorView";
import { Page } from "../ui/Page";

/** A page that could not be drawn: a fault of ours, or code of an older release that is no longer there. */
export function Broken({ error }: { error: unknown }) {
  return (
    <Page title={m.app_this_page_could_not_be_shown()}>
      <ErrorView error={error} again={() => window.location.reload()} />
    </Page>
  );
}
