import { type ReactNode, useState } from "react";
import { Action } from "./Action";
import { ErrorView } from "./ErrorView";

/** A file as it comes from the lab: its name and kind with the first part. */
type Parts = AsyncIterable<{ fileName: string; mediaType: string; content: Uint8Array }>;

async function save(parts: Parts) {
  const content: BlobPart[] = [];
  let name = "";
  let type = "";
  for await (const part of parts) {
    name ||= part.fileName;
    type ||= part.mediaType;
    content.push(new Uint8Array(part.content));
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(content, { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** A button that saves a file. */
export function Download({ get, children }: { get: () => Parts; children: ReactNode }) {
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  return (
    <>
      {error ? <ErrorView error={error} /> : null}
      <Action
        size="xs"
        variant="default"
        loading={busy}
        onClick={() => {
          setBusy(true);
          setError(undefined);
          save(get())
            .catch(setError)
            .finally(() => setBusy(false));
        }}
      >
        {children}
      </Action>
    </>
  );
}
