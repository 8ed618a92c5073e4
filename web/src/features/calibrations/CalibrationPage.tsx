import { Skeleton, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type Calibration, CalibrationState } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { History } from "../../refs/History";
import { CertificateLink, calibrationQuery, InstrumentLink, PersonName } from "../../refs/refs";
import { statusQuery } from "../../refs/Standing";
import { Uses } from "../../refs/Uses";
import { useCan } from "../../rpc/me";
import { calibrationStateName, certificateTone } from "../../rpc/names";
import { FOLLOWED, useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { unless } from "../../ui/Action";
import { ConfirmedAction } from "../../ui/ConfirmedAction";
import { ErrorView } from "../../ui/ErrorView";
import { Facts } from "../../ui/Facts";
import { Page, Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { isPast, Time } from "../../ui/Time";
import { CertificateFile } from "./CertificateFile";
import { accepting, CONFORMITY } from "./conformity";

const REVIEWS = [
  {
    verb: m.calibrations_accept(),
    from: [CalibrationState.DRAFT],
    means: accepting,
    required: false,
    danger: false,
    send: rpc.calibrations.acceptCalibration,
  },
  {
    verb: m.calibrations_reject(),
    from: [CalibrationState.DRAFT],
    means: () => m.calibrations_it_never_comes_into_force(),
    required: true,
    danger: true,
    send: rpc.calibrations.rejectCalibration,
  },
  {
    verb: m.calibrations_revoke(),
    from: [CalibrationState.ACCEPTED],
    means: () => m.calibrations_no_run_starts_on_it_any(),
    required: true,
    danger: true,
    send: rpc.calibrations.revokeCalibration,
  },
] as const;

export default function CalibrationPage() {
  const { id } = useParams({ from: "/calibrations/$id" });
  const query = useQuery({ ...FOLLOWED, ...calibrationQuery(id) });
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
      {calibration.state === CalibrationState.ACCEPTED && <Decides calibration={calibration} />}
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
          [m.calibrations_covers(), calibration.covers.map((range) => m.calibrations_range(range)).join("; ")],
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
        <Uses by="calibration_id" id={id} label={m.calibrations_runs_that_rest_on_it()} />
      </Section>
      <Section title={m.ui_history()}>
        <History id={id} />
      </Section>
    </Page>
  );
}

/** Why an accepted certificate is not the one that runs rest on, where it is not. */
function Decides({ calibration: { id, instrumentId, validFrom } }: { calibration: Calibration }) {
  const { data: status } = useQuery({ ...FOLLOWED, ...statusQuery(instrumentId) });
  if (!status?.calibrationId || status.calibrationId === id) return null;
  return (
    <Text size="sm">
      {validFrom && isPast(validFrom)
        ? m.calibrations_another_began_later()
        : m.calibrations_until_it_begins_another_decides()}{" "}
      <CertificateLink id={status.calibrationId} />
    </Text>
  );
}

function Review({ calibration, review }: { calibration: Calibration; review: (typeof REVIEWS)[number] }) {
  const may = useCan()("calibrations.review");
  const change = useChange(
    (asked: { id: string; etag: string; comment: string }, requestId): Promise<unknown> =>
      review.send({ ...asked, requestId }),
    { touches: [["calibrations"], ["calibrationStatus"], ["due"], ["audit"]] },
  );
  return (
    <ConfirmedAction
      verb={review.verb}
      main={!review.danger}
      disabledReason={unless(may, m.calibrations_review_certificates())}
      title={m.ui_question({ verb: review.verb, what: calibration.certificateId })}
      reason={m.ui_comment()}
      reasonRequired={review.required}
      danger={review.danger}
      change={change}
      input={(comment) => ({ id: calibration.id, etag: calibration.etag, comment })}
    >
      {review.means(calibration)}
    </ConfirmedAction>
  );
}
