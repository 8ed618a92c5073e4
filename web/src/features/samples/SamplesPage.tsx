import { Anchor, NativeSelect } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { type Sample, SampleStatus } from "../../gen/spectra/samples/v1/sample_pb";
import { m } from "../../gen/words/messages";
import { ProjectName, useProjects } from "../../refs/refs";
import { useSampleEvents } from "../../refs/watches";
import { useCan } from "../../rpc/me";
import { sampleStatusName } from "../../rpc/names";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { all, matches, quoted } from "../../ui/filter";
import { type Column, ListTable, Search, useListTable } from "../../ui/ListTable";
import { NoneYet } from "../../ui/NoneYet";
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
/** Nor is this a project. */
const NO_PROJECT = "none";
const STATUSES = [REGISTERED, AVAILABLE, IN_USE, QUARANTINED, CONSUMED, DISPOSED, LOST];

export default function SamplesPage() {
  const navigate = useNavigate();
  const may = useCan()("samples.write");
  const projects = useProjects();
  const list = useListTable<Sample>({
    key,
    order: "updated_at desc",
    filter: (search) =>
      all(
        matches(search.q, "name", "barcode", "lot_code", "material_type", "location"),
        search.status && (search.status === DELETED ? "deleted_at:*" : `status = ${search.status}`),
        search.project &&
          (search.project === NO_PROJECT ? "NOT project_id:*" : `project_id = ${quoted(search.project)}`),
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
            <NativeSelect
              aria-label={m.samples_project()}
              value={list.search.project ?? ""}
              onChange={(event) => list.ask({ project: event.currentTarget.value })}
            >
              <option value="">{m.samples_every_project()}</option>
              {projects.data?.map(({ id, code, name }) => (
                <option key={id} value={id}>
                  {code} {name}
                </option>
              ))}
              <option value={NO_PROJECT}>{m.samples_no_project()}</option>
            </NativeSelect>
          </>
        }
        columns={COLUMNS}
        empty={
          <NoneYet
            title={m.samples_no_samples_yet()}
            what={m.samples_what_a_sample_is()}
            verb={m.samples_register_a_sample()}
            begin={may && (() => void navigate({ to: "/samples/new" }))}
          />
        }
      />
    </Page>
  );
}
