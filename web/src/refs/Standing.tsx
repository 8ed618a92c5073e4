import { Alert, Group, Skeleton, Text } from "@mantine/core";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useContext, useRef } from "react";
import { CalibrationStatus, type InstrumentStatus } from "../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../gen/words/messages";
import { calibrationStatusName, calibrationTone } from "../rpc/names";
import { rpc } from "../rpc/transport";
import { useWatch } from "../rpc/watch";
import { State } from "../ui/State";
import { daysUntil, isPast, Time, ZoneContext } from "../ui/Time";
import classes from "./Standing.module.css";

/** Whether an instrument may be trusted now, as the server says it. */
export function statusQuery(instrumentId: string) {
  return queryOptions({
    queryKey: ["calibrationStatus", instrumentId],
    queryFn: async ({ signal }) => {
      const { status } = await rpc.calibrations.getCalibrationStatus({ instrumentId }, { signal });
      if (!status) throw new Error("no status was answered");
      return status;
    },
  });
}

const GATHERING_MS = 100;

/** Follows what becomes of instruments: those of a page, or all of them where none is named. */
export function useStandings(instrumentIds: string[] = []): void {
  const client = useQueryClient();
  const gathering = useRef<ReturnType<typeof setTimeout>>(undefined);
  useWatch(
    (_, signal) => rpc.calibrations.watchCalibrationStatus({ instrumentIds }, { signal }),
    ({ status }) => {
      if (!status) return;
      client.setQueryData(statusQuery(status.instrumentId).queryKey, status);
      // A watch begins with every instrument: what is of all of them is asked for once.
      gathering.current ??= setTimeout(() => {
        gathering.current = undefined;
        for (const queryKey of [["calibrationStatus", "all"], ["calibrations"], ["due"], ["instruments"]])
          void client.invalidateQueries({ queryKey });
      }, GATHERING_MS);
    },
  );
}

/** Whether a run can start on it. */
export function isFit(status: InstrumentStatus): boolean {
  return status.status === CalibrationStatus.VALID || status.status === CalibrationStatus.DUE_SOON;
}

/** What lifts the lockout. */
const REMEDIES: Partial<Record<CalibrationStatus, string>> = {
  [CalibrationStatus.EXPIRED]: m.refs_have_it_calibrated_and_enter(),
  [CalibrationStatus.MISSING]: m.refs_enter_its_calibration_certificate(),
  [CalibrationStatus.NOT_YET_VALID]: m.refs_its_certificate_is_not_valid_yet(),
  [CalibrationStatus.REVOKED]: m.refs_its_certificate_was_revoked(),
  [CalibrationStatus.OUT_OF_TOLERANCE]: m.refs_it_was_left_out_of_tolerance(),
  [CalibrationStatus.OUT_OF_SERVICE]: m.refs_a_principal_investigator_returns(),
};

/** Why no run can start on an instrument, where none can. */
export function lockoutOf(status: InstrumentStatus | undefined): string | undefined {
  return status && !isFit(status)
    ? m.refs_no_run_can_start_on_it({ status: calibrationStatusName(status.status).toLowerCase() })
    : undefined;
}

/**
 * Says where no run can start on an instrument why, and what lifts that; follows what becomes of it. It is there before an
 * instrument is chosen: screen readers tell what comes into a status that was there already.
 */
export function Lockout(props: { instrumentId: string; exempt?: boolean; children?: ReactNode }) {
  const { instrumentId, exempt = false, children } = props;
  return (
    <div role="status" className={classes.status}>
      {instrumentId && !exempt && (
        <Locked key={instrumentId} instrumentId={instrumentId}>
          {children}
        </Locked>
      )}
    </div>
  );
}

function Locked({ instrumentId, children }: { instrumentId: string; children: ReactNode }) {
  useStandings([instrumentId]);
  const { data } = useQuery(statusQuery(instrumentId));
  const lockout = lockoutOf(data);
  if (!data || !lockout) return null;
  return (
    <Alert color="red" role="group" title={lockout}>
      {REMEDIES[data.status]} {children}
    </Alert>
  );
}

export function Standing({ instrumentId }: { instrumentId: string }) {
  const { data, error } = useQuery(statusQuery(instrumentId));
  if (error && !data) return <State tone="quiet">{m.refs_not_known()}</State>;
  if (!data) return <Skeleton height={16} width={90} />;
  return (
    <Group gap="xs" wrap="nowrap">
      <State tone={calibrationTone[data.status]}>{calibrationStatusName(data.status)}</State>
      <Left status={data} />
    </Group>
  );
}

function Left({ status }: { status: InstrumentStatus }) {
  const zone = useContext(ZoneContext);
  // Of one that cannot be used for another reason, how long its certificate lasts says nothing.
  const tells = isFit(status) || status.status === CalibrationStatus.EXPIRED;
  if (!status.expiresAt || !tells) return null;
  const count = daysUntil(status.expiresAt, zone);
  return (
    <Text size="xs" c="dimmed" span>
      {isPast(status.expiresAt) ? m.refs_since() : m.refs_days_left({ count })} <Time at={status.expiresAt} to="day" />
    </Text>
  );
}
