import { Anchor, NativeSelect } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Instrument } from "../../gen/spectra/calibration/v1/instrument_pb";
import { m } from "../../gen/words/messages";
import { Standing, statusQuery, useStandings } from "../../refs/Standing";
import { useCan } from "../../rpc/me";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { Dialog } from "../../ui/Dialog";
import { all, matches } from "../../ui/filter";
import { type Column, ListTable, Search, useListTable } from "../../ui/ListTable";
import { NoneYet } from "../../ui/NoneYet";
import { Page } from "../../ui/Page";
import { NewInstrument } from "./NewInstrument";
import { key } from "./queries";

const COLUMNS: Column<Instrument>[] = [
  {
    name: "asset",
    title: m.instruments_asset(),
    sort: "asset_code",
    cell: (instrument) => (
      <Anchor renderRoot={(props) => <Link to="/instruments/$id" params={{ id: instrument.id }} {...props} />}>
        {instrument.assetCode}
      </Anchor>
    ),
  },
  {
    name: "manufacturer",
    title: m.instruments_manufacturer(),
    wide: true,
    sort: "manufacturer",
    cell: (instrument) => instrument.manufacturer,
  },
  { name: "model", title: m.instruments_model(), sort: "model", cell: (instrument) => instrument.model },
  {
    name: "serial_number",
    title: m.instruments_serial_number(),
    wide: true,
    cell: (instrument) => instrument.serialNumber || "–",
  },
  {
    name: "location",
    title: m.instruments_location(),
    sort: "location",
    cell: (instrument) => instrument.location || "–",
  },
  {
    name: "calibration",
    title: m.instruments_calibration(),
    cell: (instrument) => <Standing instrumentId={instrument.id} />,
  },
];

export default function InstrumentsPage() {
  const may = useCan()("instruments.write");
  const [opened, { open, close }] = useDisclosure();
  const list = useListTable<Instrument>({
    key,
    order: "asset_code",
    followed: true,
    filter: (search) =>
      all(
        matches(search.q, "asset_code", "manufacturer", "model", "serial_number", "location"),
        search.service && `service_state = ${search.service}`,
      ),
    fetch: async (asked, signal) => {
      const answer = await rpc.instruments.listInstruments(asked, { signal });
      return { rows: answer.instruments, next: answer.nextPageToken };
    },
  });
  // The standing of each is asked for beside the list.
  useQueries({ queries: (list.query.data?.rows ?? []).map((instrument) => statusQuery(instrument.id)) });
  useStandings();
  return (
    <Page
      title={m.instruments_instruments()}
      actions={
        <Action data-key="create" disabledReason={unless(may, m.instruments_add_instruments())} onClick={open}>
          {m.instruments_add_an_instrument()}
        </Action>
      }
    >
      <ListTable
        label={m.instruments_instruments()}
        list={list}
        filters={
          <>
            <Search list={list} label={m.instruments_search_instruments()} />
            <NativeSelect
              aria-label={m.instruments_service()}
              value={list.search.service ?? ""}
              onChange={(event) => list.ask({ service: event.currentTarget.value })}
            >
              <option value="">{m.instruments_in_and_out_of_service()}</option>
              <option value="IN_SERVICE">{m.instruments_in_service()}</option>
              <option value="OUT_OF_SERVICE">{m.instruments_out_of_service()}</option>
            </NativeSelect>
          </>
        }
        columns={COLUMNS}
        empty={
          <NoneYet
            title={m.instruments_no_instruments_yet()}
            what={m.instruments_what_an_instrument_is()}
            verb={m.instruments_add_an_instrument()}
            begin={may && open}
          />
        }
      />
      <Dialog opened={opened} close={close} title={m.instruments_add_an_instrument()} wide>
        <NewInstrument close={close} />
      </Dialog>
    </Page>
  );
}
