import { Skeleton, Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { m } from "../gen/words/messages";
import { useCan } from "../rpc/me";
import { FOLLOWED } from "../rpc/query";
import { rpc } from "../rpc/transport";
import { ErrorView } from "../ui/ErrorView";
import { quoted } from "../ui/filter";
import { More } from "../ui/More";
import { Time } from "../ui/Time";
import { actionName } from "./actions";
import { Changes } from "./Changes";
import { PersonName } from "./refs";

/** What happened to a thing, from the event log, the latest first. */
export function History({ id }: { id: string }) {
  const may = useCan()("audit.read");
  const query = useInfiniteQuery({
    ...FOLLOWED,
    queryKey: ["audit", "of", id],
    queryFn: ({ pageParam, signal }) =>
      rpc.audit.listAuditEvents(
        { filter: `resource_id = ${quoted(id)}`, pageSize: 50, pageToken: pageParam },
        { signal },
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextPageToken || undefined,
    enabled: may,
  });
  const events = query.data?.pages.flatMap((page) => page.events);
  if (!may) return <Text c="dimmed">{m.refs_principal_investigators_and_administrators_see()}</Text>;
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!events) return <Skeleton height={60} />;
  return (
    <Stack gap="xs">
      <Table aria-label={m.ui_history()} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{m.refs_when()}</Table.Th>
            <Table.Th>{m.refs_who()}</Table.Th>
            <Table.Th>{m.refs_what()}</Table.Th>
            <Table.Th>{m.refs_change()}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {events.map((event) => (
            <Table.Tr key={event.id}>
              <Table.Td>
                <Time at={event.recordedAt} />
              </Table.Td>
              <Table.Td>
                <Who actor={event.actor} onBehalfOf={event.onBehalfOf} />
              </Table.Td>
              <Table.Td>
                {actionName(event.action)}
                {event.reason && (
                  <Text size="xs" c="dimmed">
                    {event.reason}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <Changes before={event.before} after={event.after} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {events.length === 0 && <Text c="dimmed">{m.refs_nothing_yet()}</Text>}
      <More query={query} />
    </Stack>
  );
}

const PERSON = "user:";

/** A person, or a service and the person behind it. */
export function Who({ actor, onBehalfOf }: { actor: string; onBehalfOf: string }) {
  const who = onBehalfOf || actor;
  return (
    <>
      {who.startsWith(PERSON) ? <PersonName id={who.slice(PERSON.length)} /> : <span>{serviceName(who)}</span>}
      {onBehalfOf && (
        <Text size="xs" c="dimmed">
          {m.refs_through({ service: serviceName(actor) })}
        </Text>
      )}
    </>
  );
}

export function serviceName(actor: string): string {
  return m.refs_service({ name: actor.replace(/^service:/, "") });
}
