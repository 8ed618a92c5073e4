import { Button, FileButton, Group, Skeleton, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { Calibration, Document } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { PersonName } from "../../refs/refs";
import { failure } from "../../rpc/failure";
import { useCan } from "../../rpc/me";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { Download } from "../../ui/Download";
import { ErrorView } from "../../ui/ErrorView";
import { Time } from "../../ui/Time";

/** What the lab keeps, and by what it is known in a folder. */
const KINDS: Record<string, string> = {
  pdf: "application/pdf",
  xml: "application/xml",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  csv: "text/csv",
  txt: "text/plain",
};
const LARGEST_BYTES = 3_000_000;

/** The certificate as it came: what is kept of it, or a way to hand it in. */
export function CertificateFile({ calibration }: { calibration: Calibration }) {
  const query = useQuery({
    queryKey: ["calibrations", calibration.id, "document"],
    queryFn: async ({ signal }) => {
      try {
        return (await rpc.calibrations.getDocument({ calibrationId: calibration.id }, { signal })).document ?? null;
      } catch (error) {
        if (failure(error).reason === "RESOURCE_NOT_FOUND") return null;
        throw error;
      }
    },
  });
  if (query.error && query.data === undefined) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (query.data === undefined) return <Skeleton height={40} />;
  return query.data ? <Kept document={query.data} /> : <Missing calibration={calibration} />;
}

function Kept({ document }: { document: Document }) {
  const kilobytes = Math.max(1, Math.round(document.sizeBytes / 1000)).toLocaleString();
  return (
    <Group gap="md" align="baseline">
      <Text fw={600}>{document.fileName}</Text>
      <Text c="dimmed">{m.calibrations_file_size({ kilobytes })}</Text>
      <Text c="dimmed">
        <PersonName id={document.createdBy} />, <Time at={document.createdAt} />
      </Text>
      <Text c="dimmed" ff="monospace" title={document.sha256}>
        {m.calibrations_file_hash({ start: document.sha256.slice(0, 12) })}
      </Text>
      <Download get={() => rpc.calibrations.downloadDocument({ calibrationId: document.calibrationId })}>
        {m.calibrations_file_download()}
      </Download>
    </Group>
  );
}

function Missing({ calibration }: { calibration: Calibration }) {
  const may = useCan()("calibrations.write");
  const [refused, setRefused] = useState("");
  const forget = useRef<() => void>(null);
  const change = useChange(
    (file: { name: string; kind: string; content: Uint8Array }, requestId) =>
      rpc.calibrations.attachDocument({
        calibrationId: calibration.id,
        fileName: file.name,
        mediaType: file.kind,
        content: file.content,
        requestId,
      }),
    { touches: [["calibrations", calibration.id, "document"], ["audit"]] },
  );
  async function take(file: File | null) {
    setRefused("");
    // The same file, mended, can be chosen again.
    forget.current?.();
    if (!file) return;
    const kind = KINDS[file.name.split(".").pop()?.toLowerCase() ?? ""];
    if (!kind) return setRefused(m.calibrations_file_kind());
    if (file.size === 0 || file.size > LARGEST_BYTES) return setRefused(m.calibrations_file_too_large());
    change.mutate({ name: file.name, kind, content: new Uint8Array(await file.arrayBuffer()) });
  }
  return (
    <>
      {change.error ? <ErrorView error={change.error} /> : null}
      {refused ? (
        <Text role="alert" c="red.9">
          {refused}
        </Text>
      ) : null}
      <Group gap="md">
        <Text c="dimmed">{m.calibrations_file_missing()}</Text>
        {may ? (
          <FileButton
            resetRef={forget}
            accept={Object.keys(KINDS)
              .map((ending) => `.${ending}`)
              .join()}
            onChange={take}
            inputProps={{ "aria-label": m.calibrations_file() }}
          >
            {(props) => (
              <Button {...props} size="xs" variant="default" loading={change.isPending}>
                {m.calibrations_file_attach()}
              </Button>
            )}
          </FileButton>
        ) : (
          <Action size="xs" variant="default" disabledReason={unless(false, m.calibrations_enter_certificates())}>
            {m.calibrations_file_attach()}
          </Action>
        )}
      </Group>
    </>
  );
}
