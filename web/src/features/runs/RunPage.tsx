import { Alert, Code, Skeleton, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense } from "react";
import { type PinnedGrant, type Run, RunPurpose, RunState } from "../../gen/spectra/runs/v1/run_pb";
import { RunsService } from "../../gen/spectra/runs/v1/runs_service_pb";
import { m } from "../../gen/words/messages";
import { text } from "../../refs/Changes";
import { History } from "../../refs/History";
import { labelOf } from "../../refs/ParamsForm";
import {
  CertificateLink,
  InstrumentLink,
  PersonName,
  RecipeLink,
  SampleLink,
  useMethods,
  useMethodTitle,
} from "../../refs/refs";
import { Lockout, Standing } from "../../refs/Standing";
import { useRunEvents } from "../../refs/watches";
import { permissionOf, useCan } from "../../rpc/me";
import { runDispositionName, runPurposeName, runStateName, runTone } from "../../rpc/names";
import { FOLLOWED, useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { unless } from "../../ui/Action";
import { ConfirmedAction } from "../../ui/ConfirmedAction";
import { ErrorView } from "../../ui/ErrorView";
import { Facts } from "../../ui/Facts";
import { Page, Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";

const RunData = lazy(() => import("./RunData"));

/** What a step is taken on. */
type Asked = { id: string; etag: string; reason: string };
interface Step {
  verb: string;
  from: RunState[];
  may: string;
  means: string;
  reason?: boolean;
  main?: boolean;
  send: (request: Asked & { requestId: string }) => Promise<unknown>;
}

const { QUEUED, HELD, RUNNING, PAUSED } = RunState;
const STEPS: Step[] = [
  {
    verb: m.runs_start(),
    from: [QUEUED],
    may: permissionOf(RunsService.method.startRun),
    main: true,
    means: m.runs_you_are_its_operator_from_now(),
    send: ({ reason: _, ...request }) => rpc.runs.startRun(request),
  },
  {
    verb: m.runs_complete(),
    from: [RUNNING],
    may: permissionOf(RunsService.method.completeRun),
    main: true,
    means: m.runs_its_data_are_sealed(),
    send: ({ reason: _, ...request }) => rpc.runs.completeRun(request),
  },
  {
    verb: m.runs_resume(),
    from: [PAUSED],
    may: permissionOf(RunsService.method.resumeRun),
    main: true,
    means: m.runs_the_measurement_goes_on(),
    send: ({ reason: _, ...request }) => rpc.runs.resumeRun(request),
  },
  {
    verb: m.runs_release(),
    from: [HELD],
    may: permissionOf(RunsService.method.releaseRun),
    main: true,
    means: m.runs_it_can_be_started_again(),
    send: ({ reason: _, ...request }) => rpc.runs.releaseRun(request),
  },
  {
    verb: m.runs_pause(),
    from: [RUNNING],
    may: permissionOf(RunsService.method.pauseRun),
    means: m.runs_the_measurement_waits(),
    send: ({ reason: _, ...request }) => rpc.runs.pauseRun(request),
  },
  {
    verb: m.runs_hold(),
    from: [QUEUED],
    may: permissionOf(RunsService.method.holdRun),
    reason: true,
    means: m.runs_it_stays_in_the_queue(),
    send: (request) => rpc.runs.holdRun(request),
  },
  {
    verb: m.runs_fail(),
    from: [RUNNING, PAUSED],
    may: permissionOf(RunsService.method.failRun),
    reason: true,
    means: m.runs_the_measurement_went_wrong(),
    send: (request) => rpc.runs.failRun(request),
  },
  {
    verb: m.runs_abort(),
    from: [RUNNING, PAUSED],
    may: permissionOf(RunsService.method.abortRun),
    reason: true,
    means: m.runs_it_is_stopped(),
    send: (request) => rpc.runs.abortRun(request),
  },
  {
    verb: m.runs_cancel(),
    from: [QUEUED, HELD],
    may: permissionOf(RunsService.method.cancelRun),
    reason: true,
    means: m.runs_it_never_starts(),
    send: (request) => rpc.runs.cancelRun(request),
  },
];

function isUnderWay({ state }: Run): boolean {
  return state === RUNNING || state === PAUSED;
}

export default function RunPage() {
  const { id } = useParams({ from: "/runs/$id" });
  const title = useMethodTitle();
  const methods = useMethods();
  const query = useQuery({
    queryKey: ["runs", id],
    queryFn: async ({ signal }) => (await rpc.runs.getRun({ id }, { signal })).run,
    // Of a flag, and of data that are added, no watch tells.
    refetchInterval: ({ state }) => state.data !== undefined && isUnderWay(state.data) && FOLLOWED.refetchInterval,
  });
  useRunEvents((run) => run.id === id);
  const run = query.data;
  if (query.error && !run) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!run) return <Skeleton height={300} />;
  const schema = methods.data?.find((method) => method.code === run.method)?.paramsSchema;
  return (
    <Page
      title={title(run.method)}
      aside={
        <>
          <State tone={runTone[run.state]}>{runStateName(run.state)}</State>
          {run.flagged && <State tone="bad">{m.runs_flagged()}</State>}
        </>
      }
      lead={
        <>
          <SampleLink id={run.sampleId} /> {m.runs_on()} <InstrumentLink id={run.instrumentId} />
        </>
      }
      actions={STEPS.filter((step) => step.from.includes(run.state)).map((step) => (
        <StepAction key={step.verb} run={run} step={step} />
      ))}
    >
      {run.flagged && (
        <Alert color="red" title={m.runs_its_calibration_ended_while()}>
          {m.runs_look_at_the_result_before()}
        </Alert>
      )}
      {(run.state === QUEUED || run.state === HELD) && run.purpose === RunPurpose.ROUTINE && (
        <Lockout instrumentId={run.instrumentId}>
          <Standing instrumentId={run.instrumentId} />
        </Lockout>
      )}
      <Facts
        of={[
          [m.runs_purpose(), runPurposeName(run.purpose)],
          [m.runs_result(), runDispositionName(run.disposition)],
          [m.runs_created_by(), <PersonName key="by" id={run.createdBy} />],
          [m.runs_operator(), <PersonName key="operator" id={run.operatorId} />],
          [m.runs_created(), <Time key="created" at={run.createdAt} />],
          [m.runs_started(), <Time key="started" at={run.startedAt} />],
          [m.runs_finished(), <Time key="finished" at={run.finishedAt} />],
          ...(run.stateReason ? [[m.runs_why_it_is_so(), run.stateReason] as [string, string]] : []),
          ...(run.comment ? [[m.ui_comment(), run.comment] as [string, string]] : []),
          [
            m.runs_recipe(),
            run.recipeVersionId ? <RecipeLink key="recipe" versionId={run.recipeVersionId} /> : m.ui_none_chosen(),
          ],
          ...(run.recipeSha256
            ? [
                [m.runs_its_content_hash(), <Code key="hash">{run.recipeSha256.slice(0, 16)}</Code>] as [
                  string,
                  ReactNode,
                ],
              ]
            : []),
        ]}
      />
      <Section title={m.runs_parameters()}>
        <Facts of={Object.entries(run.params ?? {}).map(([name, value]) => [labelOf(name, schema), text(value)])} />
      </Section>
      <Section title={m.runs_calibration_it_rests_on()}>
        <Grants grants={run.grants} />
      </Section>
      {run.streams.length > 0 && (
        <Suspense fallback={<Skeleton height={320} />}>
          <RunData run={run} />
        </Suspense>
      )}
      <Section title={m.ui_history()}>
        <History id={id} />
      </Section>
    </Page>
  );
}

function StepAction({ run, step }: { run: Run; step: Step }) {
  const may = useCan()(step.may);
  const change = useChange((asked: Asked, requestId) => step.send({ ...asked, requestId }), {
    touches: [["runs"], ["samples"], ["grants"], ["audit"]],
  });
  return (
    <ConfirmedAction
      verb={step.verb}
      sure={m.runs_do_one({ verb: step.verb })}
      main={step.main ?? false}
      disabledReason={unless(may, m.runs_do({ verb: step.verb.toLowerCase() }))}
      title={m.runs_question({ verb: step.verb })}
      {...(step.reason ? { reason: m.ui_reason() } : {})}
      reasonRequired={step.reason ?? false}
      danger={step.reason ?? false}
      change={change}
      input={(reason) => ({ id: run.id, etag: run.etag, reason })}
    >
      {step.means}
    </ConfirmedAction>
  );
}

function Grants({ grants }: { grants: PinnedGrant[] }) {
  if (grants.length === 0) return <Text c="dimmed">{m.runs_it_is_pinned_when_the_run()}</Text>;
  return (
    <Table aria-label={m.runs_calibration_it_rests_on()} verticalSpacing="xs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{m.runs_instrument()}</Table.Th>
          <Table.Th>{m.runs_certificate_head()}</Table.Th>
          <Table.Th>{m.runs_in_force_until()}</Table.Th>
          <Table.Th>{m.ui_state()}</Table.Th>
          <Table.Th>{m.runs_grant()}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {grants.map((grant) => (
          <Table.Tr key={grant.grantId}>
            <Table.Td>
              <InstrumentLink id={grant.instrumentId} />
            </Table.Td>
            <Table.Td>{grant.calibrationId ? <CertificateLink id={grant.calibrationId} /> : "–"}</Table.Td>
            <Table.Td>
              <Time at={grant.expiresAt} />
            </Table.Td>
            <Table.Td>
              {grant.exempt ? (
                m.refs_exempt()
              ) : grant.revokedAt ? (
                <State tone="bad">{m.runs_revoked_since()}</State>
              ) : (
                <State tone="quiet">{m.runs_in_force()}</State>
              )}
            </Table.Td>
            <Table.Td>
              <Code>{grant.grantId.slice(-12)}</Code>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
