import { Anchor, NativeSelect, Text } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { type Sample, SampleStatus } from "../../gen/spectra/samples/v1/sample_pb";
import { m } from "../../gen/words/messages";
import { ProjectName } from "../../refs/refs";
import { useSampleEvents } from "../../refs/watches";
import { useCan } from "../../rpc/me";
import { sampleStatusName } from "../../rpc/names";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { all, type Column, ListTable, matches, Search, useListTable } from "../../ui/ListTable";
import { Page } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { key } from "./queries";
import { SampleState } from "./SampleState";
import { Scan } from "./Scan";

const COLUMNS: Column<Sample>[] = [
  {
    name: "name",
    title: m.ui_name(),
    sort: "name",
    cell: (sample) => (
      <Anchor renderRoot={(props) => <Link to="/samples/$id" params={{ id: sample.id }} {...props} />}>
        {sample.name}
      </Anchor>
    ),
  },
  { name: "material", title: m.samples_material(), cell: (sample) => sample.materialType },
  {
    name: "lot",
    code: true,
    title: m.samples_lot(),
    wide: true,
    sort: "lot_code",
    cell: (sample) => sample.lotCode || "–",
  },
  { name: "barcode", code: true, title: m.samples_barcode(), cell: (sample) => sample.barcode || "–" },
  { name: "location", title: m.samples_location(), sort: "location", cell: (sample) => sample.location || "–" },
  { name: "project", title: m.samples_project(), wide: true, cell: (sample) => <ProjectName id={sample.projectId} /> },
  {
    name: "status",
    title: m.samples_status(),
    cell: (sample) => <SampleState sample={sample} />,
  },
  { name: "changed", title: m.ui_changed(), sort: "updated_at", cell: (sample) => <Time at={sample.updatedAt} /> },
];

const { REGISTERED, AVAILABLE, IN_USE, QUARANTINED, CONSUMED, DISPOSED, LOST } = SampleStatus;
/** Not a status: a deleted sample keeps the one it had. */
const DELETED = "DELETED";
const STATUSES = [REGISTERED, AVAILABLE, IN_USE, QUARANTINED, CONSUMED, DISPOSED, LOST];

export default function SamplesPage() {
  const navigate = useNavigate();
  const may = useCan()("samples.write");
  const list = useListTable<Sample>({
    key,
    order: "updated_at desc",
    filter: (search) =>
      all(
        matches(search.q, "name", "barcode", "lot_code", "material_type", "location"),
        search.status && (search.status === DELETED ? "deleted_at:*" : `status = ${search.status}`),
      ),
    fetch: async (asked, signal, search) => {
      const showDeleted = search.status === DELETED;
      const answer = await rpc.samples.listSamples({ ...asked, showDeleted }, { signal });
      return { rows: answer.samples, next: answer.nextPageToken };
    },
  });
  useSampleEvents();
  return (
    <Page
      title={m.samples_samples()}
      actions={
        <Action
          data-key="create"
          disabledReason={unless(may, m.samples_register_samples())}
          onClick={() => void navigate({ to: "/samples/new" })}
        >
          {m.samples_register_a_sample()}
        </Action>
      }
    >
      <ListTable
        label={m.samples_samples()}
        list={list}
        filters={
          <>
            <Scan />
            <Search list={list} label={m.samples_search_samples()} />
            <NativeSelect
              aria-label={m.samples_status()}
              value={list.search.status ?? ""}
              onChange={(event) => list.ask({ status: event.currentTarget.value })}
            >
              <option value="">{m.samples_every_status()}</option>
              {STATUSES.map((status) => (
                <option key={status} value={SampleStatus[status]}>
                  {sampleStatusName(status).toLowerCase()}
                </option>
              ))}
              <option value={DELETED}>{m.rpc_deleted().toLowerCase()}</option>
            </NativeSelect>
          </>
        }
        columns={COLUMNS}
        empty={<Text>{m.samples_no_samples_yet()}</Text>}
      />
    </Page>
  );
}
