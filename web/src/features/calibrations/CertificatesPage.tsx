import { NativeSelect, Text } from "@mantine/core";
import { type Calibration, CalibrationState } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { CertificateLink, InstrumentLink } from "../../refs/refs";
import { calibrationStateName, certificateTone } from "../../rpc/names";
import { rpc } from "../../rpc/transport";
import { all, matches } from "../../ui/filter";
import { type Column, ListTable, Search, useListTable } from "../../ui/ListTable";
import { Page } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";

const { DRAFT, ACCEPTED, REJECTED, REVOKED } = CalibrationState;
const STATES = [DRAFT, ACCEPTED, REJECTED, REVOKED];

const COLUMNS: Column<Calibration>[] = [
  {
    name: "number",
    title: m.calibrations_certificate_number(),
    sort: "certificate_id",
    cell: ({ id }) => <CertificateLink id={id} />,
  },
  {
    name: "instrument",
    title: m.calibrations_instrument(),
    cell: ({ instrumentId }) => <InstrumentLink id={instrumentId} />,
  },
  { name: "laboratory", title: m.calibrations_calibration_laboratory(), wide: true, cell: ({ provider }) => provider },
  {
    name: "state",
    title: m.ui_state(),
    cell: ({ state }) => <State tone={certificateTone[state]}>{calibrationStateName(state)}</State>,
  },
  {
    name: "issued",
    title: m.calibrations_issued(),
    sort: "issued_at",
    wide: true,
    cell: ({ issuedAt }) => <Time at={issuedAt} to="day" />,
  },
  {
    name: "expires",
    title: m.calibrations_expires(),
    sort: "expires_at",
    cell: ({ expiresAt }) => <Time at={expiresAt} to="day" />,
  },
];

export default function CertificatesPage() {
  const list = useListTable<Calibration>({
    key: ["calibrations"],
    order: "created_at desc",
    followed: true,
    filter: ({ q, state }) => all(matches(q, "certificate_id", "provider"), state && `state = ${state}`),
    fetch: async (asked, signal) => {
      const answer = await rpc.calibrations.listCalibrations(asked, { signal });
      return { rows: answer.calibrations, next: answer.nextPageToken };
    },
  });
  return (
    <Page title={m.calibrations_certificates()} lead={m.calibrations_what_a_certificate_is()}>
      <ListTable
        label={m.calibrations_certificates()}
        list={list}
        filters={
          <>
            <Search list={list} label={m.calibrations_search_certificates()} />
            <NativeSelect
              aria-label={m.ui_state()}
              value={list.search.state ?? ""}
              onChange={(event) => list.ask({ state: event.currentTarget.value })}
            >
              <option value="">{m.calibrations_every_state()}</option>
              {STATES.map((state) => (
                <option key={state} value={CalibrationState[state]}>
                  {calibrationStateName(state).toLowerCase()}
                </option>
              ))}
            </NativeSelect>
          </>
        }
        columns={COLUMNS}
        empty={<Text>{m.calibrations_what_a_certificate_is()}</Text>}
      />
    </Page>
  );
}
