import { Anchor, Card, Group, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { CalibrationStatus } from "../../gen/spectra/calibration/v1/calibration_pb";
import type { Recipe } from "../../gen/spectra/runs/v1/recipe_pb";
import { m } from "../../gen/words/messages";
import { useWantsAnother } from "../../refs/approval";
import { InstrumentLink, SampleLink, useInstruments, useMethodTitle } from "../../refs/refs";
import { isFit, Standing, statusQuery, useStandings } from "../../refs/Standing";
import { useRecipeEvents, useRunEvents, useSampleEvents } from "../../refs/watches";
import { useCan, useMe } from "../../rpc/me";
import { calibrationStatusName, calibrationTone, runStateName, runTone } from "../../rpc/names";
import { FOLLOWED, queryClient } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { ErrorView } from "../../ui/ErrorView";
import { Page } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";

const SHOWN = 8;
/** Recipes among which those are that wait for me. */
const LOOKED_THROUGH = 100;
const DAYS_S = 30 * 86_400;

/** What needs me today. */
export default function DashboardPage() {
  const name = useMe().data?.user?.displayName;
  const can = useCan();
  useRunEvents();
  useSampleEvents();
  useStandings();
  return (
    <Page title={m.dashboard_today()} lead={name ? m.dashboard_good_to_see_you({ name }) : undefined}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Runs
          title={m.dashboard_under_way()}
          filter="state = RUNNING OR state = PAUSED"
          empty={m.dashboard_no_run_is_under_way()}
          search={{ state: "RUNNING.PAUSED" }}
        />
        <Runs
          title={m.dashboard_in_the_queue()}
          filter="state = QUEUED OR state = HELD"
          empty={
            <>
              {m.dashboard_the_queue_is_empty()}{" "}
              {can("runs.create") && (
                <Anchor renderRoot={(props) => <Link to="/runs/new" {...props} />}>{m.dashboard_new_run()}</Anchor>
              )}
            </>
          }
          search={{ state: "QUEUED.HELD" }}
        />
        <Instruments />
        <Due />
        <Quarantine />
        {can("recipes.approve") && <Reviews />}
        {can("calibrations.review") && <Certificates />}
      </SimpleGrid>
    </Page>
  );
}

function Box({ title, more, children }: { title: string; more: ReactNode; children: ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5">
          {title}
        </Title>
        {more}
      </Group>
      <Stack gap={6}>{children}</Stack>
    </Card>
  );
}

function Lines<Row>({
  query,
  empty,
  children,
}: {
  query: { data?: Row[] | undefined; error: unknown; refetch: () => unknown };
  empty: ReactNode;
  children: (row: Row) => ReactNode;
}) {
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!query.data) return <Skeleton height={60} />;
  if (query.data.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {empty}
      </Text>
    );
  return query.data.map(children);
}

function Runs({
  title,
  filter,
  empty,
  search,
}: {
  title: string;
  filter: string;
  empty: ReactNode;
  search: { state: string };
}) {
  const method = useMethodTitle();
  const query = useQuery({
    queryKey: ["runs", "today", filter],
    queryFn: async ({ signal }) =>
      (await rpc.runs.listRuns({ filter, orderBy: "created_at desc", pageSize: SHOWN }, { signal })).runs,
  });
  return (
    <Box
      title={title}
      more={
        <Anchor renderRoot={(props) => <Link to="/runs" search={search} {...props} />}>
          {m.dashboard_all_of({ what: title.toLowerCase() })}
        </Anchor>
      }
    >
      <Lines query={query} empty={empty}>
        {(run) => (
          <Group key={run.id} gap="xs" wrap="nowrap">
            <State tone={runTone[run.state]}>{runStateName(run.state)}</State>
            <Anchor renderRoot={(props) => <Link to="/runs/$id" params={{ id: run.id }} {...props} />}>
              {method(run.method)}
            </Anchor>
            <SampleLink id={run.sampleId} />
            <InstrumentLink id={run.instrumentId} />
          </Group>
        )}
      </Lines>
    </Box>
  );
}

/** The instruments that no run can start on, before the others. */
function Instruments() {
  const instruments = useInstruments();
  const query = useQuery({
    queryKey: ["calibrationStatus", "all", instruments.data?.length ?? 0],
    queryFn: () =>
      Promise.all((instruments.data ?? []).map((instrument) => queryClient.fetchQuery(statusQuery(instrument.id)))),
    enabled: instruments.data !== undefined,
  });
  const counts = new Map<CalibrationStatus, number>();
  for (const { status } of query.data ?? []) counts.set(status, (counts.get(status) ?? 0) + 1);
  const failed = instruments.error && !instruments.data ? instruments : query;
  return (
    <Box
      title={m.dashboard_instruments()}
      more={
        <Anchor renderRoot={(props) => <Link to="/instruments" {...props} />}>{m.dashboard_all_instruments()}</Anchor>
      }
    >
      <Group gap="xs">
        {[...counts].map(([status, count]) => (
          <State key={status} tone={calibrationTone[status]}>
            {m.dashboard_so_many({ count, status: calibrationStatusName(status).toLowerCase() })}
          </State>
        ))}
      </Group>
      <Lines
        query={{ data: query.data?.filter((status) => !isFit(status)), error: failed.error, refetch: failed.refetch }}
        empty={instruments.data?.length === 0 ? m.dashboard_no_instruments_yet() : m.dashboard_all_are_fit_for_use()}
      >
        {(status) => (
          <Group key={status.instrumentId} gap="xs">
            <InstrumentLink id={status.instrumentId} />
            <Standing instrumentId={status.instrumentId} />
          </Group>
        )}
      </Lines>
    </Box>
  );
}

function Due() {
  const query = useQuery({
    queryKey: ["due", "today"],
    queryFn: async ({ signal }) =>
      (
        await rpc.calibrations.listDueCalibrations(
          { within: { seconds: BigInt(DAYS_S), nanos: 0 }, pageSize: SHOWN },
          { signal },
        )
      ).due,
  });
  return (
    <Box
      title={m.dashboard_to_be_calibrated_within_30_days()}
      more={<Anchor renderRoot={(props) => <Link to="/due" {...props} />}>{m.dashboard_all_due()}</Anchor>}
    >
      <Lines query={query} empty={m.dashboard_nothing_is_due()}>
        {(due) => (
          <Group key={due.instrument?.id} gap="xs">
            <Text size="sm">{due.dueAt ? <Time at={due.dueAt} to="day" /> : m.dashboard_now()}</Text>
            {due.instrument && <InstrumentLink id={due.instrument.id} />}
            {due.status && (
              <State tone={calibrationTone[due.status.status]}>{calibrationStatusName(due.status.status)}</State>
            )}
          </Group>
        )}
      </Lines>
    </Box>
  );
}

function Quarantine() {
  const query = useQuery({
    queryKey: ["samples", "quarantine"],
    queryFn: async ({ signal }) =>
      (
        await rpc.samples.listSamples(
          { filter: "status = QUARANTINED", orderBy: "updated_at desc", pageSize: SHOWN },
          { signal },
        )
      ).samples,
  });
  return (
    <Box
      title={m.dashboard_samples_in_quarantine()}
      more={
        <Anchor renderRoot={(props) => <Link to="/samples" search={{ status: "QUARANTINED" }} {...props} />}>
          {m.dashboard_all_in_quarantine()}
        </Anchor>
      }
    >
      <Lines query={query} empty={m.dashboard_no_sample_is_set_aside()}>
        {(sample) => (
          <Group key={sample.id} gap="xs">
            <SampleLink id={sample.id} />
            <Text size="sm" c="dimmed">
              {sample.statusReason}
            </Text>
          </Group>
        )}
      </Lines>
    </Box>
  );
}

function Reviews() {
  useRecipeEvents();
  const wantsAnother = useWantsAnother();
  const query = useQuery({
    queryKey: ["recipes", "review"],
    queryFn: async ({ signal }) =>
      (await rpc.recipes.listRecipes({ filter: "state = IN_REVIEW", pageSize: LOOKED_THROUGH }, { signal })).recipes,
  });
  const mine = query.data?.filter(wantsAnother) ?? [];
  const link = (recipe: Recipe) => (
    <Anchor
      key={recipe.id}
      size="sm"
      renderRoot={(props) => <Link to="/recipes/$id" params={{ id: recipe.id }} {...props} />}
    >
      {m.dashboard_recipe_version({ name: recipe.name, version: recipe.latestVersion?.version ?? "–" })}
    </Anchor>
  );
  return (
    <Box
      title={m.dashboard_recipes_that_wait_for_approval()}
      more={
        <Anchor renderRoot={(props) => <Link to="/recipes" search={{ state: "IN_REVIEW" }} {...props} />}>
          {m.dashboard_all_in_review()}
        </Anchor>
      }
    >
      <Lines
        query={{ ...query, data: query.data?.filter((recipe) => !wantsAnother(recipe)).slice(0, SHOWN) }}
        empty={m.dashboard_no_recipe_waits_for_you()}
      >
        {link}
      </Lines>
      {mine.length > 0 && (
        <>
          <Text size="sm" c="dimmed" mt="xs">
            {m.dashboard_yours_wait_for_somebody_else()}
          </Text>
          {mine.slice(0, SHOWN).map(link)}
          {mine.length > SHOWN && (
            <Anchor size="sm" renderRoot={(props) => <Link to="/recipes" search={{ state: "IN_REVIEW" }} {...props} />}>
              {m.dashboard_and_more({ count: mine.length - SHOWN })}
            </Anchor>
          )}
        </>
      )}
    </Box>
  );
}

function Certificates() {
  const query = useQuery({
    ...FOLLOWED,
    queryKey: ["calibrations", "review"],
    queryFn: async ({ signal }) =>
      (await rpc.calibrations.listCalibrations({ filter: "state = DRAFT", pageSize: SHOWN }, { signal })).calibrations,
  });
  return (
    <Box
      title={m.dashboard_certificates_that_wait_for_review()}
      more={
        <Anchor renderRoot={(props) => <Link to="/calibrations" search={{ state: "DRAFT" }} {...props} />}>
          {m.dashboard_all_drafts()}
        </Anchor>
      }
    >
      <Lines query={query} empty={m.dashboard_no_certificate_waits()}>
        {(certificate) => (
          <Group key={certificate.id} gap="xs">
            <Anchor
              size="sm"
              renderRoot={(props) => <Link to="/calibrations/$id" params={{ id: certificate.id }} {...props} />}
            >
              {certificate.certificateId}
            </Anchor>
            <InstrumentLink id={certificate.instrumentId} />
          </Group>
        )}
      </Lines>
    </Box>
  );
}
