import { Anchor, Textarea, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link } from "@tanstack/react-router";
import { useForm } from "react-hook-form";
import type { Project } from "../../gen/spectra/samples/v1/project_pb";
import { m } from "../../gen/words/messages";
import { PersonName } from "../../refs/refs";
import { useCan } from "../../rpc/me";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { ConfirmedAction } from "../../ui/ConfirmedAction";
import { Dialog } from "../../ui/Dialog";
import { FormShell } from "../../ui/FormShell";
import { all, matches } from "../../ui/filter";
import { type Column, ListTable, Search, useListTable } from "../../ui/ListTable";
import { NoneYet } from "../../ui/NoneYet";
import { Page } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";

const key = ["projects"];

const COLUMNS: Column<Project>[] = [
  {
    name: "code",
    title: m.projects_code(),
    sort: "code",
    cell: ({ id, code }) => (
      <Anchor renderRoot={(props) => <Link to="/samples" search={{ project: id }} {...props} />}>{code}</Anchor>
    ),
  },
  { name: "name", title: m.ui_name(), sort: "name", cell: (project) => project.name },
  { name: "description", title: m.projects_description(), cell: (project) => project.description || "–" },
  {
    name: "members",
    title: m.projects_members(),
    wide: true,
    numeric: true,
    cell: (project) => project.memberIds.length,
  },
  {
    name: "state",
    title: m.ui_state(),
    cell: (project) => (
      <State tone={project.archivedAt ? "quiet" : "good"}>
        {project.archivedAt ? m.projects_archived() : m.projects_active()}
      </State>
    ),
  },
  {
    name: "made_by",
    title: m.projects_made_by(),
    wide: true,
    cell: (project) => <PersonName id={project.createdBy} />,
  },
  { name: "changed", title: m.ui_changed(), sort: "updated_at", cell: (project) => <Time at={project.updatedAt} /> },
  {
    name: "actions",
    title: m.ui_actions(),
    // A question that is open does not turn into its opposite, where somebody else has done it.
    cell: (project) => <Archiving project={project} />,
  },
];

export default function ProjectsPage() {
  const may = useCan()("projects.write");
  const [opened, { open, close }] = useDisclosure();
  const list = useListTable<Project>({
    key,
    order: "code",
    followed: true,
    filter: ({ q }) => all(matches(q, "code", "name", "description")),
    fetch: async (asked, signal) => {
      const answer = await rpc.projects.listProjects(asked, { signal });
      return { rows: answer.projects, next: answer.nextPageToken };
    },
  });
  return (
    <Page
      title={m.projects_projects()}
      actions={
        <Action data-key="create" disabledReason={unless(may, m.projects_make_projects())} onClick={open}>
          {m.projects_new_project()}
        </Action>
      }
    >
      <ListTable
        label={m.projects_projects()}
        list={list}
        filters={<Search list={list} label={m.projects_search_projects()} />}
        columns={COLUMNS}
        empty={
          <NoneYet
            title={m.projects_no_projects_yet()}
            what={m.projects_what_a_project_is()}
            verb={m.projects_new_project()}
            begin={may && open}
          />
        }
      />
      <Dialog opened={opened} close={close} title={m.projects_new_project()}>
        <NewProject close={close} />
      </Dialog>
    </Page>
  );
}

interface Values {
  code: string;
  name: string;
  description: string;
}

function NewProject({ close }: { close: () => void }) {
  const form = useForm<Values>({ defaultValues: { code: "", name: "", description: "" } });
  const create = useChange((project: Values, requestId) => rpc.projects.createProject({ project, requestId }), {
    touches: [key],
    done: () => {
      form.reset();
      close();
    },
  });
  const { register, formState } = form;
  return (
    <FormShell
      form={form}
      change={create}
      verb={m.projects_create()}
      submit={(values) => create.mutate(values)}
      cancel={close}
    >
      <TextInput
        label={m.projects_code()}
        description={m.projects_short_such_as_gan_26()}
        required
        data-autofocus
        {...register("code", { required: m.projects_it_needs_one() })}
        error={formState.errors.code?.message}
      />
      <TextInput
        label={m.ui_name()}
        required
        {...register("name", { required: m.projects_it_needs_one() })}
        error={formState.errors.name?.message}
      />
      <Textarea
        label={m.projects_description()}
        autosize
        minRows={2}
        {...register("description")}
        error={formState.errors.description?.message}
      />
    </FormShell>
  );
}

function Archiving({ project }: { project: Project }) {
  const may = useCan()("projects.write");
  const archived = project.archivedAt !== undefined;
  const verb = archived ? m.projects_reactivate() : m.projects_archive();
  const change = useChange(
    ({ back, ...asked }: { back: boolean; id: string; etag: string; reason: string }, requestId) => {
      const request = { ...asked, requestId };
      return back
        ? rpc.projects.unarchiveProject(request).then(() => {})
        : rpc.projects.archiveProject(request).then(() => {});
    },
    { touches: [key, ["audit"]] },
  );
  return (
    <ConfirmedAction
      verb={verb}
      small
      disabledReason={unless(may, m.projects_do({ verb: verb.toLowerCase() }))}
      title={m.ui_question({ verb, what: project.code })}
      reason={m.ui_reason()}
      reasonRequired
      change={change}
      input={(reason) => ({ back: archived, id: project.id, etag: project.etag, reason })}
    >
      {archived ? m.projects_it_takes_new_samples_again() : m.projects_it_takes_no_new_samples()}
    </ConfirmedAction>
  );
}
