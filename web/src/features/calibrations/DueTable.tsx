import { Table } from "@mantine/core";
import { useContext } from "react";
import { CalibrationStatus, type DueCalibration } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { InstrumentLink } from "../../refs/refs";
import { calibrationStatusName, calibrationTone } from "../../rpc/names";
import { Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { daysUntil, Time, ZoneContext } from "../../ui/Time";

/** Instruments that have to be calibrated, when, and where they are. */
export function DueTable({ title, due }: { title: string; due: DueCalibration[] }) {
  const zone = useContext(ZoneContext);
  return (
    <Section title={title}>
      <Table aria-label={title} verticalSpacing="xs" layout="fixed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w="14%">{m.calibrations_due_on()}</Table.Th>
            <Table.Th w="20%">{m.calibrations_due_in()}</Table.Th>
            <Table.Th>{m.calibrations_instrument()}</Table.Th>
            <Table.Th w="22%">{m.calibrations_standing()}</Table.Th>
            <Table.Th w="15%">{m.calibrations_location()}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {due.map((one) => (
            <Table.Tr key={one.instrument?.id}>
              <Table.Td>{one.dueAt ? <Time at={one.dueAt} to="day" /> : m.calibrations_now()}</Table.Td>
              <Table.Td>{left(one, zone)}</Table.Td>
              <Table.Td>{one.instrument && <InstrumentLink id={one.instrument.id} />}</Table.Td>
              <Table.Td>
                {one.status && (
                  <State tone={calibrationTone[one.status.status]}>{calibrationStatusName(one.status.status)}</State>
                )}
              </Table.Td>
              <Table.Td>{one.instrument?.location}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  );
}

function left(due: DueCalibration, zone: string): string {
  if (due.status?.status === CalibrationStatus.OUT_OF_TOLERANCE) return m.calibrations_found_out_of_tolerance();
  if (!due.dueAt) return m.calibrations_no_calibration_in_force();
  const days = daysUntil(due.dueAt, zone);
  if (days < 0) return m.calibrations_days_over({ count: -days });
  return days === 0 ? m.calibrations_today() : m.calibrations_in_days({ count: days });
}
