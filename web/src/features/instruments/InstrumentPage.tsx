import { Anchor, Group, Skeleton, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { type Instrument, ServiceState } from "../../gen/spectra/calibration/v1/instrument_pb";
import { m } from "../../gen/words/messages";
import { History } from "../../refs/History";
import { useMethodTitle } from "../../refs/refs";
import { Lockout, Standing, statusQuery } from "../../refs/Standing";
import { Uses } from "../../refs/Uses";
import { useCan } from "../../rpc/me";
import { calibrationStateName, certificateTone } from "../../rpc/names";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { ConfirmedAction } from "../../ui/ConfirmedAction";
import { ErrorView } from "../../ui/ErrorView";
import { Facts } from "../../ui/Facts";
import { Page, Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";
import { EditInstrument } from "./EditInstrument";
import { key, useCertificates, useInstrument } from "./queries";
import { Timeline } from "./Timeline";

export default function InstrumentPage() {
  const { id } = useParams({ from: "/instruments/$id" });
  const navigate = useNavigate();
  const can = useCan();
  const query = useInstrument(id);
  const title = useMethodTitle();
  const instrument = query.data;
  if (query.error && !instrument) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!instrument) return <Skeleton height={300} />;
  return (
    <Page
      title={instrument.assetCode}
      aside={<Standing instrumentId={id} />}
      lead={`${instrument.manufacturer} ${instrument.model}`}
      actions={
        <>
          <EditInstrument instrument={instrument} />
          <Service instrument={instrument} />
          <Action
            data-key="create"
            disabledReason={unless(can("calibrations.write"), m.instruments_enter_certificates())}
            onClick={() => void navigate({ to: "/instruments/$id/certificates/new", params: { id } })}
          >
            {m.instruments_enter_a_certificate()}
          </Action>
        </>
      }
    >
      <Lockout instrumentId={id} />
      <Facts
        of={[
          [m.instruments_serial_number(), instrument.serialNumber],
          [m.instruments_firmware(), instrument.firmware],
          [m.instruments_location(), instrument.location],
          [
            m.instruments_methods(),
            instrument.methods.length ? instrument.methods.map(title).join(", ") : m.instruments_any(),
          ],
          [
            m.instruments_calibration_interval(),
            instrument.calibrationIntervalDays
              ? m.instruments_every_days({ count: instrument.calibrationIntervalDays })
              : "",
          ],
          ...(instrument.serviceState === ServiceState.OUT_OF_SERVICE
            ? [[m.instruments_out_of_service_because(), instrument.serviceReason] as [string, string]]
            : []),
          [m.instruments_added(), <Time key="time" at={instrument.createdAt} />],
        ]}
      />
      {instrument.capabilities.length > 0 && <Capabilities instrument={instrument} />}
      <Section title={m.instruments_certificates()}>
        <Certificates id={id} />
      </Section>
      <Section title={m.instruments_used_by()}>
        <Uses by="instrument_id" id={id} label={m.instruments_used_by()} />
      </Section>
      <Section title={m.ui_history()}>
        <History id={id} />
      </Section>
    </Page>
  );
}

function Service({ instrument }: { instrument: Instrument }) {
  const can = useCan();
  const out = instrument.serviceState === ServiceState.OUT_OF_SERVICE;
  const verb = out ? m.instruments_return_to_service() : m.instruments_take_out_of_service();
  const change = useChange(
    ({ back, ...asked }: { back: boolean; id: string; etag: string; reason: string }, requestId) => {
      const request = { ...asked, requestId };
      return back
        ? rpc.instruments.returnToService(request).then(() => {})
        : rpc.instruments.takeOutOfService(request).then(() => {});
    },
    { touches: [key, ["calibrationStatus"], ["audit"]] },
  );
  return (
    <ConfirmedAction
      verb={verb}
      disabledReason={unless(can(out ? "instruments.return" : "instruments.take_out"), verb.toLowerCase())}
      title={m.instruments_question({ verb, instrument: instrument.assetCode })}
      reason={m.ui_reason()}
      reasonRequired
      danger={!out}
      change={change}
      input={(reason) => ({ back: out, id: instrument.id, etag: instrument.etag, reason })}
    >
      {out ? m.instruments_runs_can_start_on_it_again() : m.instruments_no_run_starts_on_it_until()}
    </ConfirmedAction>
  );
}

function Capabilities({ instrument }: { instrument: Instrument }) {
  return (
    <Section title={m.instruments_capabilities()}>
      <Table aria-label={m.instruments_capabilities()} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{m.instruments_quantity()}</Table.Th>
            <Table.Th ta="right">{m.instruments_from()}</Table.Th>
            <Table.Th ta="right">{m.instruments_to()}</Table.Th>
            <Table.Th>{m.instruments_unit()}</Table.Th>
            <Table.Th ta="right">{m.instruments_maximum_permissible_error()}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {instrument.capabilities.map((capability) => (
            <Table.Tr key={`${capability.quantity} ${capability.rangeLow} ${capability.unit}`}>
              <Table.Td>{capability.quantity}</Table.Td>
              <Table.Td ta="right">{capability.rangeLow}</Table.Td>
              <Table.Td ta="right">{capability.rangeHigh}</Table.Td>
              <Table.Td>{capability.unit}</Table.Td>
              <Table.Td ta="right">{capability.maximumPermissibleError || "–"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  );
}

function Certificates({ id }: { id: string }) {
  const query = useCertificates(id);
  const decides = useQuery(statusQuery(id)).data?.calibrationId;
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!query.data) return <Skeleton height={80} />;
  if (query.data.length === 0) return <Text c="dimmed">{m.instruments_none_yet_enter_the_certificate()}</Text>;
  return (
    <>
      <Timeline certificates={query.data} />
      <Table aria-label={m.instruments_certificates()} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{m.instruments_certificate()}</Table.Th>
            <Table.Th>{m.instruments_provider()}</Table.Th>
            <Table.Th>{m.instruments_valid_from()}</Table.Th>
            <Table.Th>{m.instruments_expires()}</Table.Th>
            <Table.Th>{m.ui_state()}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {query.data.map((certificate) => (
            <Table.Tr key={certificate.id}>
              <Table.Td>
                <Anchor
                  size="sm"
                  renderRoot={(props) => <Link to="/calibrations/$id" params={{ id: certificate.id }} {...props} />}
                >
                  {certificate.certificateId}
                </Anchor>
              </Table.Td>
              <Table.Td>{certificate.provider}</Table.Td>
              <Table.Td>
                <Time at={certificate.validFrom} to="day" />
              </Table.Td>
              <Table.Td>
                <Time at={certificate.expiresAt} to="day" />
              </Table.Td>
              <Table.Td>
                <Group gap="xs">
                  <State tone={certificateTone[certificate.state]}>{calibrationStateName(certificate.state)}</State>
                  {certificate.id === decides && (
                    <Text size="xs" c="dimmed">
                      {m.instruments_decides()}
                    </Text>
                  )}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </>
  );
}
