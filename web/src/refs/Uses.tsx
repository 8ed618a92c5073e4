import { Skeleton, Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { GrantKind } from "../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../gen/words/messages";
import { FOLLOWED } from "../rpc/query";
import { rpc } from "../rpc/transport";
import { ErrorView } from "../ui/ErrorView";
import { quoted } from "../ui/filter";
import { More } from "../ui/More";
import { Time } from "../ui/Time";
import { CertificateLink, RunLink } from "./refs";

/** The ledger: each run that was let start on an instrument, or with a certificate, and what it rests on; the latest first. */
export function Uses({ by, id, label }: { by: "instrument_id" | "calibration_id"; id: string; label: string }) {
  const query = useInfiniteQuery({
    ...FOLLOWED,
    queryKey: ["grants", by, id],
    queryFn: ({ pageParam, signal }) =>
      rpc.calibrations.listUseGrants(
        { filter: `${by} = ${quoted(id)}`, orderBy: "created_at desc", pageSize: 50, pageToken: pageParam },
        { signal },
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextPageToken || undefined,
  });
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  const grants = query.data?.pages.flatMap((page) => page.grants);
  if (!grants) return <Skeleton height={60} />;
  if (grants.length === 0) return <Text c="dimmed">{m.refs_no_run_yet()}</Text>;
  return (
    <Stack gap="xs">
      <Table aria-label={label} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{m.refs_run_head()}</Table.Th>
            <Table.Th>{m.refs_authorized()}</Table.Th>
            <Table.Th>{m.refs_rests_on()}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {grants.map((grant) => (
            <Table.Tr key={grant.id}>
              <Table.Td>
                <RunLink id={grant.runId} />
              </Table.Td>
              <Table.Td>
                <Time at={grant.authorizedAt} />
              </Table.Td>
              <Table.Td>
                {grant.kind === GrantKind.EXEMPT ? m.refs_exempt() : <CertificateLink id={grant.calibrationId} />}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <More query={query} />
    </Stack>
  );
}
