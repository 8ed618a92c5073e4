import { Alert, Anchor, Button, Skeleton, Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { type Sample, SampleStatus } from "../../gen/spectra/samples/v1/sample_pb";
import { m } from "../../gen/words/messages";
import { text } from "../../refs/Changes";
import { History } from "../../refs/History";
import { InstrumentLink, PersonName, ProjectName, sampleQuery, useMethodTitle } from "../../refs/refs";
import { useRunEvents, useSampleEvents } from "../../refs/watches";
import { useCan } from "../../rpc/me";
import { runStateName, runTone, sampleStateName } from "../../rpc/names";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { ConfirmedAction } from "../../ui/ConfirmedAction";
import { ErrorView } from "../../ui/ErrorView";
import { Facts } from "../../ui/Facts";
import { quoted } from "../../ui/filter";
import { More } from "../../ui/More";
import { Page, Section } from "../../ui/Page";
import { quantityText } from "../../ui/quantity";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";
import { MoveSample } from "./MoveSample";
import { key, TRANSITIONS, type Transition } from "./queries";
import { SampleState } from "./SampleState";

export default function SamplePage() {
  const { id } = useParams({ from: "/samples/$id" });
  const navigate = useNavigate();
  const can = useCan();
  const query = useQuery(sampleQuery(id));
  useSampleEvents((sample) => sample.id === id);
  useRunEvents((run) => run.sampleId === id);
  const sample = query.data;
  if (query.error && !sample) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!sample) return <Skeleton height={300} />;
  return (
    <Page
      title={sample.name}
      aside={<SampleState sample={sample} />}
      lead={sample.materialType}
      actions={
        <>
          <Action
            variant="default"
            disabledReason={
              unless(can("samples.write"), m.samples_edit_samples()) ??
              (sample.deletedAt ? m.samples_it_is({ status: sampleStateName(sample).toLowerCase() }) : undefined)
            }
            onClick={() => void navigate({ to: "/samples/$id/edit", params: { id } })}
          >
            {m.samples_edit()}
          </Action>
          {!sample.deletedAt && <MoveSample sample={sample} />}
          {TRANSITIONS.filter((transition) => transition.from.includes(sample.status) && !sample.deletedAt).map(
            (transition) => (
              <Change key={transition.verb} sample={sample} transition={transition} />
            ),
          )}
          <Action
            data-key="create"
            disabledReason={
              unless(can("runs.create"), m.samples_create_runs()) ??
              (sample.status === SampleStatus.AVAILABLE && !sample.deletedAt
                ? undefined
                : m.samples_it_is({ status: sampleStateName(sample).toLowerCase() }))
            }
            onClick={() => void navigate({ to: "/runs/new", search: { sample: id } })}
          >
            {m.samples_new_run()}
          </Action>
        </>
      }
    >
      {sample.deletedAt && <Deleted sample={sample} />}
      <Facts
        of={[
          [m.samples_barcode(), sample.barcode],
          [m.samples_lot(), sample.lotCode],
          [m.samples_location(), sample.location],
          [m.samples_amount(), quantityText(sample.quantity)],
          [m.samples_project(), <ProjectName key="project" id={sample.projectId} />],
          [m.samples_registered(), <Time key="time" at={sample.createdAt} />],
          [m.samples_registered_by(), <PersonName key="person" id={sample.createdBy} />],
          ...(sample.statusReason ? [[m.samples_why_it_is_so(), sample.statusReason] as [string, string]] : []),
          ...Object.entries(sample.attributes ?? {}).map(
            // What somebody has typed stands there as they did.
            ([name, value]) =>
              [name.replaceAll("_", " "), typeof value === "string" ? value || "–" : text(value)] as [string, string],
          ),
        ]}
      />
      <Section title={m.samples_runs_on_it()}>
        <Runs sampleId={id} />
      </Section>
      <Section title={m.ui_history()}>
        <History id={id} />
      </Section>
    </Page>
  );
}

function Change({ sample, transition }: { sample: Sample; transition: Transition }) {
  const may = useCan()(transition.may);
  const change = useChange(
    (asked: { id: string; etag: string; reason: string }, requestId) => transition.send({ ...asked, requestId }),
    { touches: [key, ["audit"]] },
  );
  const what = transition.verb.toLowerCase();
  return (
    <ConfirmedAction
      verb={transition.verb}
      disabledReason={unless(may, m.samples_do({ what }))}
      title={m.ui_question({ verb: transition.verb, what: sample.name })}
      reason={m.ui_reason()}
      reasonRequired
      danger={transition.danger ?? false}
      change={change}
      input={(reason) => ({ id: sample.id, etag: sample.etag, reason })}
    >
      {transition.means}
    </ConfirmedAction>
  );
}

function Deleted({ sample }: { sample: Sample }) {
  const may = useCan()("samples.write");
  const undelete = useChange(
    (asked: { id: string; etag: string }, requestId) =>
      rpc.samples.undeleteSample({ ...asked, reason: m.samples_brought_back(), requestId }),
    { touches: [key, ["audit"]] },
  );
  const { id, etag } = sample;
  return (
    <Alert color="yellow" title={m.samples_this_sample_was_deleted()}>
      <Text size="sm" mb="xs">
        {m.samples_it_is_in_no_list()}
      </Text>
      {undelete.error ? <ErrorView error={undelete.error} /> : null}
      {may && (
        <Button size="xs" variant="default" loading={undelete.isPending} onClick={() => undelete.mutate({ id, etag })}>
          {m.samples_bring_it_back()}
        </Button>
      )}
    </Alert>
  );
}

function Runs({ sampleId }: { sampleId: string }) {
  const title = useMethodTitle();
  const query = useInfiniteQuery({
    queryKey: ["runs", "of", sampleId],
    queryFn: ({ pageParam, signal }) =>
      rpc.runs.listRuns(
        { filter: `sample_id = ${quoted(sampleId)}`, orderBy: "created_at desc", pageSize: 20, pageToken: pageParam },
        { signal },
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextPageToken || undefined,
  });
  const runs = query.data?.pages.flatMap((page) => page.runs);
  if (query.error && !runs) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (runs?.length === 0) return <Text c="dimmed">{m.samples_no_run_has_measured_it()}</Text>;
  return (
    <Stack gap="xs">
      <Table aria-label={m.samples_runs_on_it()} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{m.samples_method()}</Table.Th>
            <Table.Th>{m.samples_instrument()}</Table.Th>
            <Table.Th>{m.ui_state()}</Table.Th>
            <Table.Th>{m.samples_created()}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {runs?.map((run) => (
            <Table.Tr key={run.id}>
              <Table.Td>
                <Anchor renderRoot={(props) => <Link to="/runs/$id" params={{ id: run.id }} {...props} />}>
                  {title(run.method)}
                </Anchor>
              </Table.Td>
              <Table.Td>
                <InstrumentLink id={run.instrumentId} />
              </Table.Td>
              <Table.Td>
                <State tone={runTone[run.state]}>{runStateName(run.state)}</State>
              </Table.Td>
              <Table.Td>
                <Time at={run.createdAt} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <More query={query} />
    </Stack>
  );
}
