import { Anchor, Skeleton, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type Calibration, CalibrationState } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { History } from "../../refs/History";
import { InstrumentLink, PersonName } from "../../refs/refs";
import { useCan } from "../../rpc/me";
import { calibrationStateName, certificateTone } from "../../rpc/names";
import { FOLLOWED, useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { Confirm } from "../../ui/Confirm";
import { ErrorView } from "../../ui/ErrorView";
import { Facts } from "../../ui/Facts";
import { quoted } from "../../ui/ListTable";
import { Page, Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";
import { CertificateFile } from "./CertificateFile";
import { CONFORMITY } from "./conformity";

const REVIEWS = [
  {
    verb: m.calibrations_accept(),
    from: [CalibrationState.DRAFT],
    means: m.calibrations_from_now_on_runs_can_rest(),
    required: false,
    danger: false,
    send: rpc.calibrations.acceptCalibration,
  },
  {
    verb: m.calibrations_reject(),
    from: [CalibrationState.DRAFT],
    means: m.calibrations_it_never_comes_into_force(),
    required: true,
    danger: true,
    send: rpc.calibrations.rejectCalibration,
  },
  {
    verb: m.calibrations_revoke(),
    from: [CalibrationState.ACCEPTED],
    means: m.calibrations_no_run_starts_on_it_any(),
    required: true,
    danger: true,
    send: rpc.calibrations.revokeCalibration,
  },
] as const;

export default function CalibrationPage() {
  const { id } = useParams({ from: "/calibrations/$id" });
  const query = useQuery({
    ...FOLLOWED,
    queryKey: ["calibrations", id],
    queryFn: async ({ signal }) => (await rpc.calibrations.getCalibration({ id }, { signal })).calibration,
  });
  const calibration = query.data;
  if (query.error && !calibration) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!calibration) return <Skeleton height={300} />;
  return (
    <Page
      title={calibration.certificateId}
      aside={<State tone={certificateTone[calibration.state]}>{calibrationStateName(calibration.state)}</State>}
      lead={<InstrumentLink id={calibration.instrumentId} />}
      actions={REVIEWS.filter((review) => (review.from as readonly CalibrationState[]).includes(calibration.state)).map(
        (review) => <Review key={review.verb} calibration={calibration} review={review} />,
      )}
    >
      <Facts
        of={[
          [m.calibrations_calibration_laboratory(), calibration.provider],
          [m.calibrations_accreditation(), calibration.accreditation],
          [m.calibrations_issued(), <Time key="issued" at={calibration.issuedAt} />],
          [m.calibrations_valid_from(), <Time key="from" at={calibration.validFrom} />],
          [m.calibrations_expires(), <Time key="to" at={calibration.expiresAt} />],
          [m.calibrations_as_found(), CONFORMITY[calibration.asFound]],
          [
            m.calibrations_as_left(),
            calibration.adjusted
              ? m.calibrations_left_adjusted({ conformity: CONFORMITY[calibration.asLeft] })
              : CONFORMITY[calibration.asLeft],
          ],
          [m.calibrations_scope(), calibration.scope.join(", ") || m.calibrations_all_that_the_instrument_can()],
          [m.calibrations_standards_used(), calibration.standardsUsed.join(", ")],
          [m.calibrations_entered_by(), <PersonName key="by" id={calibration.createdBy} />],
          [m.calibrations_reviewed_by(), <PersonName key="reviewer" id={calibration.reviewedBy} />],
          [m.calibrations_review(), calibration.reviewComment],
          ...(calibration.revokedAt
            ? [[m.calibrations_revoked(), <Time key="revoked" at={calibration.revokedAt} />] as [string, ReactNode]]
            : []),
        ]}
      />
      <Section title={m.calibrations_file()}>
        <CertificateFile calibration={calibration} />
      </Section>
      <Section title={m.calibrations_runs_that_rest_on_it()}>
        <Uses id={id} />
      </Section>
      <Section title={m.ui_history()}>
        <History id={id} />
      </Section>
    </Page>
  );
}

function Review({ calibration, review }: { calibration: Calibration; review: (typeof REVIEWS)[number] }) {
  const [opened, { open, close }] = useDisclosure();
  const may = useCan()("calibrations.review");
  const change = useChange(
    (comment: string, requestId): Promise<unknown> =>
      review.send({ id: calibration.id, etag: calibration.etag, comment, requestId }),
    {
      touches: [["calibrations"], ["calibrationStatus"], ["due"], ["audit"]],
    },
  );
  return (
    <>
      <Action
        variant={review.danger ? "default" : "filled"}
        disabledReason={unless(may, m.calibrations_review_certificates())}
        onClick={open}
      >
        {review.verb}
      </Action>
      <Confirm
        opened={opened}
        close={close}
        title={m.ui_question({ verb: review.verb, what: calibration.certificateId })}
        reason={m.ui_comment()}
        reasonRequired={review.required}
        verb={review.verb}
        danger={review.danger}
        change={change}
        input={(comment) => comment}
      >
        {review.means}
      </Confirm>
    </>
  );
}

function Uses({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ["grants", "by", id],
    queryFn: async ({ signal }) =>
      (
        await rpc.calibrations.listUseGrants(
          { filter: `calibration_id = ${quoted(id)}`, orderBy: "created_at desc", pageSize: 100 },
          { signal },
        )
      ).grants,
  });
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (query.data?.length === 0) return <Text c="dimmed">{m.ui_there_are_none()}</Text>;
  return (
    <Table aria-label={m.calibrations_runs_that_rest_on_it()} verticalSpacing="xs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{m.calibrations_run_head()}</Table.Th>
          <Table.Th>{m.calibrations_authorized()}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {query.data?.map((grant) => (
          <Table.Tr key={grant.id}>
            <Table.Td>
              <Anchor renderRoot={(props) => <Link to="/runs/$id" params={{ id: grant.runId }} {...props} />}>
                {m.calibrations_run({ run: grant.runId.slice(-8) })}
              </Anchor>
            </Table.Td>
            <Table.Td>
              <Time at={grant.authorizedAt} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
