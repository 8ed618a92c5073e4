import { Anchor, Group, NativeSelect, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type Run, RunState } from "../../gen/spectra/runs/v1/run_pb";
import { m } from "../../gen/words/messages";
import { InstrumentLink, PersonName, SampleLink, useInstruments, useMethods, useMethodTitle } from "../../refs/refs";
import { useRunEvents } from "../../refs/watches";
import { useCan } from "../../rpc/me";
import { runStateName, runTone } from "../../rpc/names";
import { queryClient } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { all, matches, quoted } from "../../ui/filter";
import { type Column, ListTable, Search, useListTable } from "../../ui/ListTable";
import { NoneYet } from "../../ui/NoneYet";
import { Page } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";

const { QUEUED, HELD, RUNNING, PAUSED, SUCCEEDED, FAILED, ABORTED, CANCELLED } = RunState;
const STATES = [QUEUED, HELD, RUNNING, PAUSED, SUCCEEDED, FAILED, ABORTED, CANCELLED];
/** States that are looked for together, with dots between as in the address. */
const TOGETHER = [
  { states: "RUNNING.PAUSED", name: m.runs_under_way() },
  { states: "QUEUED.HELD", name: m.runs_in_the_queue() },
];
const key = ["runs"];

/** More would not fit into a filter. */
const MOST_SAMPLES = 25;

/** The samples that the words mean, the latest first, deleted ones too: their runs stay. */
function namedQuery(words: string) {
  return {
    queryKey: ["samples", "named", words],
    queryFn: async ({ signal }: { signal: AbortSignal }) =>
      (
        await rpc.samples.listSamples(
          {
            filter: matches(words, "name", "barcode", "lot_code"),
            orderBy: "updated_at desc",
            pageSize: MOST_SAMPLES + 1,
            showDeleted: true,
          },
          { signal },
        )
      ).samples,
    staleTime: 5_000,
  };
}

function MethodLink({ run }: { run: Run }) {
  const title = useMethodTitle();
  return (
    <Anchor renderRoot={(props) => <Link to="/runs/$id" params={{ id: run.id }} {...props} />}>
      {title(run.method)}
    </Anchor>
  );
}

const COLUMNS: Column<Run>[] = [
  { name: "method", title: m.runs_method(), cell: (run) => <MethodLink run={run} /> },
  { name: "sample", title: m.runs_sample(), cell: (run) => <SampleLink id={run.sampleId} /> },
  { name: "instrument", title: m.runs_instrument(), cell: (run) => <InstrumentLink id={run.instrumentId} /> },
  {
    name: "state",
    title: m.ui_state(),
    cell: (run) => (
      <Group gap={4} wrap="nowrap">
        <State tone={runTone[run.state]}>{runStateName(run.state)}</State>
        {run.flagged && <State tone="bad">{m.runs_flagged()}</State>}
      </Group>
    ),
  },
  { name: "operator", title: m.runs_operator(), wide: true, cell: (run) => <PersonName id={run.operatorId} /> },
  { name: "created", title: m.runs_created(), sort: "created_at", cell: (run) => <Time at={run.createdAt} /> },
  { name: "started", title: m.runs_started(), wide: true, cell: (run) => <Time at={run.startedAt} /> },
];

export default function RunsPage() {
  const navigate = useNavigate();
  const may = useCan()("runs.create");
  const instruments = useInstruments();
  const methods = useMethods();
  const list = useListTable<Run>({
    key,
    order: "created_at desc",
    filter: ({ state, method, instrument }) =>
      all(
        state &&
          `(${state
            .split(".")
            .map((one) => `state = ${one}`)
            .join(" OR ")})`,
        method && `method = ${quoted(method)}`,
        instrument && `instrument_id = ${quoted(instrument)}`,
      ),
    fetch: async ({ filter, ...asked }, signal, { q }) => {
      const samples = q ? await queryClient.fetchQuery(namedQuery(q)) : undefined;
      if (samples?.length === 0) return { rows: [], next: "" };
      // In an order that lasts: a page's token is good for this one filter, and samples change.
      const of = samples
        ?.slice(0, MOST_SAMPLES)
        .map(({ id }) => id)
        .sort()
        .map((id) => `sample_id = ${quoted(id)}`);
      const answer = await rpc.runs.listRuns(
        { ...asked, filter: all(filter, of && `(${of.join(" OR ")})`) },
        { signal },
      );
      return { rows: answer.runs, next: answer.nextPageToken };
    },
  });
  const named = useQuery({ ...namedQuery(list.search.q ?? ""), enabled: list.search.q !== undefined });
  useRunEvents();
  return (
    <Page
      title={m.runs_runs()}
      actions={
        <Action
          data-key="create"
          disabledReason={unless(may, m.runs_create_runs())}
          onClick={() => void navigate({ to: "/runs/new" })}
        >
          {m.runs_new_run()}
        </Action>
      }
    >
      {(named.data?.length ?? 0) > MOST_SAMPLES && (
        <Text size="sm" role="status">
          {m.runs_more_samples_have({ most: MOST_SAMPLES })}
        </Text>
      )}
      <ListTable
        label={m.runs_runs()}
        list={list}
        filters={
          <>
            <Search list={list} label={m.runs_search_by_sample()} />
            <NativeSelect
              aria-label={m.ui_state()}
              value={list.search.state ?? ""}
              onChange={(event) => list.ask({ state: event.currentTarget.value })}
            >
              <option value="">{m.runs_every_state()}</option>
              {TOGETHER.map(({ states, name }) => (
                <option key={states} value={states}>
                  {name}
                </option>
              ))}
              {STATES.map((state) => (
                <option key={state} value={RunState[state]}>
                  {runStateName(state).toLowerCase()}
                </option>
              ))}
            </NativeSelect>
            <NativeSelect
              aria-label={m.runs_method()}
              value={list.search.method ?? ""}
              onChange={(event) => list.ask({ method: event.currentTarget.value })}
            >
              <option value="">{m.runs_every_method()}</option>
              {methods.data?.map((method) => (
                <option key={method.code} value={method.code}>
                  {method.title}
                </option>
              ))}
            </NativeSelect>
            <NativeSelect
              aria-label={m.runs_instrument()}
              value={list.search.instrument ?? ""}
              onChange={(event) => list.ask({ instrument: event.currentTarget.value })}
            >
              <option value="">{m.runs_every_instrument()}</option>
              {instruments.data?.map((instrument) => (
                <option key={instrument.id} value={instrument.id}>
                  {instrument.assetCode} {instrument.model}
                </option>
              ))}
            </NativeSelect>
          </>
        }
        columns={COLUMNS}
        empty={
          <NoneYet
            title={m.runs_no_runs_yet()}
            what={m.runs_what_a_run_is()}
            verb={m.runs_new_run()}
            begin={may && (() => void navigate({ to: "/runs/new" }))}
          />
        }
      />
    </Page>
  );
}
