import { Center, Loader } from "@mantine/core";
import { useEffect, useState, useSyncExternalStore } from "react";
import { m } from "../gen/words/messages";
import { session } from "../rpc/session";
import { ErrorView } from "../ui/ErrorView";
import { Modal } from "../ui/Modal";
import { Shell } from "./Shell";
import { SignIn } from "./SignIn";

const AGAIN_MS = 5_000;

const state = () => session.state;

/** Nobody sees a page who is not signed in. Where a session ends under somebody's hands, the page stays as it is beneath. */
export function Gate() {
  const now = useSyncExternalStore(session.subscribe, state);
  const [error, setError] = useState<unknown>();
  const begin = () => {
    session.refresh().catch((cause) => {
      if (session.state === "unknown") setError(cause);
    });
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, at the start
  useEffect(() => {
    if (now === "unknown") begin();
  }, []);
  // A lab that was away when the page was opened is asked again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: begin is the same each time
  useEffect(() => {
    if (!error || now !== "unknown") return;
    const again = setTimeout(begin, AGAIN_MS);
    return () => clearTimeout(again);
  }, [error, now]);
  if (now === "unknown")
    return (
      <Center h="100vh" component="main">
        {error ? <ErrorView error={error} again={begin} /> : <Loader aria-label={m.app_loading()} />}
      </Center>
    );
  if (now === "out") return <SignIn />;
  return (
    <>
      <Shell />
      <Modal opened={now === "lapsed"} veiled zIndex={400} title={m.app_your_session_has_ended()}>
        <SignIn again />
      </Modal>
    </>
  );
}
