import { Anchor, Code, NativeSelect, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useContext } from "react";
import type { AuditEvent } from "../../gen/spectra/auth/v1/audit_service_pb";
import { m } from "../../gen/words/messages";
import { ACTIONS, actionName } from "../../refs/actions";
import { Changes } from "../../refs/Changes";
import { serviceName, Who } from "../../refs/History";
import { usePeople } from "../../refs/refs";
import { rpc } from "../../rpc/transport";
import { all, quoted } from "../../ui/filter";
import { AskedText, type Column, ListTable, useListTable } from "../../ui/ListTable";
import { Page } from "../../ui/Page";
import { FIRST_DAY, isDay, startOfDay, Time, ZoneContext } from "../../ui/Time";

/** What events are about, by its name in them. */
const RESOURCES: Record<string, string> = {
  sample: m.audit_resource_sample(),
  sample_batch: m.audit_resource_sample_batch(),
  project: m.audit_resource_project(),
  instrument: m.audit_resource_instrument(),
  calibration: m.audit_resource_calibration(),
  document: m.audit_resource_document(),
  use_grant: m.audit_resource_use_grant(),
  recipe: m.audit_resource_recipe(),
  run: m.audit_resource_run(),
  policy: m.audit_resource_policy(),
  user: m.audit_resource_user(),
  organization: m.audit_resource_organization(),
  session: m.audit_resource_session(),
  call: m.audit_resource_call(),
};
/** Services, by their names in events. */
const SERVICES: Record<string, string> = {
  auth: m.audit_service_auth(),
  calibration: m.audit_service_calibration(),
  runs: m.audit_service_runs(),
  samples: m.audit_service_samples(),
};
/** Services that do something themselves, or for somebody, by their names as actors; `seed` has laid out the demo laboratory. */
const ACTORS = [...Object.keys(SERVICES), "seed"].map((name) => `service:${name}`);
/** Sessions are renewed all day long by whoever is signed in, so that they are shown only to who asks for them. */
const ALL = "all";

const COLUMNS: Column<AuditEvent>[] = [
  { name: "when", title: m.audit_when(), cell: (event) => <Time at={event.recordedAt} /> },
  { name: "who", title: m.audit_who(), cell: (event) => <Who actor={event.actor} onBehalfOf={event.onBehalfOf} /> },
  {
    name: "what",
    title: m.audit_what(),
    cell: (event) => (
      <>
        {RESOURCES[event.resource] ?? event.resource} {actionName(event.action)}
        {event.reason && (
          <Text size="xs" c="dimmed">
            {event.reason}
          </Text>
        )}
      </>
    ),
  },
  { name: "resource", title: m.audit_resource(), cell: (event) => <Of id={event.resourceId} /> },
  { name: "change", title: m.audit_change(), cell: (event) => <Changes before={event.before} after={event.after} /> },
];

/** The end of an id, by which people tell two apart; of a method that was refused, its name. */
function short(id: string): string {
  return id.includes("/") ? id.slice(id.lastIndexOf("/") + 1) : id.slice(-12);
}

/** A resource, and all that was done to it. */
function Of({ id }: { id: string }) {
  return (
    <Anchor title={id} renderRoot={(props) => <Link to="/audit" search={{ id, resource: ALL } as never} {...props} />}>
      <Code>{short(id)}</Code>
    </Anchor>
  );
}

/** Who did what, and when. Nothing can be taken out of it. */
export default function AuditPage() {
  const people = usePeople();
  const zone = useContext(ZoneContext);
  const list = useListTable<AuditEvent>({
    key: ["audit"],
    order: "",
    followed: true,
    filter: ({ resource, action, service, actor, id, since, until }) =>
      all(
        !resource && !action && !id && 'action != "refresh"',
        resource && resource !== ALL && `resource = ${quoted(resource)}`,
        action && `action = ${quoted(action)}`,
        service && `service = ${quoted(service)}`,
        actor && `(actor = ${quoted(actor)} OR on_behalf_of = ${quoted(actor)})`,
        id && `resource_id = ${quoted(id.trim())}`,
        since && isDay(since) && `recorded_at >= ${quoted(startOfDay(since, zone).toISOString())}`,
        until && isDay(until) && `recorded_at < ${quoted(startOfDay(until, zone).toISOString())}`,
      ),
    fetch: async (asked, signal) => {
      const answer = await rpc.audit.listAuditEvents(asked, { signal });
      return { rows: answer.events, next: answer.nextPageToken };
    },
  });
  const { search, ask } = list;
  return (
    <Page title={m.audit_audit_log()} lead={m.audit_who_did_what()}>
      <ListTable
        label={m.audit_audit_log()}
        list={list}
        filters={
          <>
            <NativeSelect
              label={m.audit_what()}
              value={search.resource ?? ""}
              onChange={(event) => ask({ resource: event.currentTarget.value })}
            >
              <option value="">{m.audit_everything_but_renewed()}</option>
              <option value={ALL}>{m.audit_everything()}</option>
              {Object.entries(RESOURCES).map(([resource, name]) => (
                <option key={resource} value={resource}>
                  {name}
                </option>
              ))}
            </NativeSelect>
            <Choice
              label={m.audit_action()}
              every={m.audit_any_action()}
              of={ACTIONS}
              value={search.action}
              choose={(action) => ask({ action })}
            />
            <Choice
              label={m.audit_service()}
              every={m.audit_any_service()}
              of={SERVICES}
              value={search.service}
              choose={(service) => ask({ service })}
            />
            <NativeSelect
              label={m.audit_who()}
              value={search.actor ?? ""}
              onChange={(event) => ask({ actor: event.currentTarget.value })}
            >
              <option value="">{m.audit_everybody()}</option>
              <optgroup label={m.audit_people()}>
                {people.data?.map((person) => (
                  <option key={person.id} value={`user:${person.id}`}>
                    {person.displayName}
                  </option>
                ))}
              </optgroup>
              <optgroup label={m.audit_services()}>
                {ACTORS.map((actor) => (
                  <option key={actor} value={actor}>
                    {serviceName(actor)}
                  </option>
                ))}
              </optgroup>
            </NativeSelect>
            <AskedText list={list} name="since" label={m.audit_from()} type="date" min={FIRST_DAY} />
            <AskedText list={list} name="until" label={m.audit_before()} type="date" min={FIRST_DAY} />
            <AskedText list={list} name="id" label={m.audit_resource_id()} data-key="search" />
          </>
        }
        columns={COLUMNS}
        empty={<Text>{m.audit_nothing_was_recorded_that_fits()}</Text>}
      />
    </Page>
  );
}

/** One of what has names, or every one. */
function Choice(props: {
  label: string;
  every: string;
  of: Record<string, string>;
  value: string | undefined;
  choose: (value: string) => void;
}) {
  return (
    <NativeSelect
      label={props.label}
      value={props.value ?? ""}
      onChange={(event) => props.choose(event.currentTarget.value)}
    >
      <option value="">{props.every}</option>
      {Object.entries(props.of).map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </NativeSelect>
  );
}
