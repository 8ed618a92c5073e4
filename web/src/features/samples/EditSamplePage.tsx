import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useForm } from "react-hook-form";
import type { Sample } from "../../gen/spectra/samples/v1/sample_pb";
import { m } from "../../gen/words/messages";
import { ProjectName, sampleQuery } from "../../refs/refs";
import { useCan } from "../../rpc/me";
import { sampleStateName } from "../../rpc/names";
import { unless } from "../../ui/Action";
import { useBase } from "../../ui/Conflict";
import { ErrorView } from "../../ui/ErrorView";
import { FormShell } from "../../ui/FormShell";
import { Page } from "../../ui/Page";
import { useUpdateSample, type Values, valuesOf } from "./queries";
import { FIELD, SampleFields } from "./SampleFields";

export default function EditSamplePage() {
  const { id } = useParams({ from: "/samples/$id/edit" });
  const query = useQuery(sampleQuery(id));
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  return (
    <Page title={m.samples_edit_named({ value: query.data?.name ?? "" })}>
      {query.data ? <Editor stored={query.data} /> : <Skeleton height={300} />}
    </Page>
  );
}

function Editor({ stored }: { stored: Sample }) {
  const navigate = useNavigate();
  const may = useCan()("samples.write");
  const form = useForm<Values>({ defaultValues: valuesOf(stored) });
  const there = { to: "/samples/$id", params: { id: stored.id } } as const;
  const leave = () => void navigate(there);
  const update = useUpdateSample(stored.id, () => void navigate({ ...there, ignoreBlocker: true }));
  const { base, conflict } = useBase({
    stored,
    valuesOf,
    fields: FIELD,
    show: { projectId: (id) => <ProjectName id={id} /> },
    typed: form.getValues,
    fill: form.reset,
    change: update,
  });
  return (
    <FormShell
      form={form}
      change={update}
      verb={m.ui_save()}
      disabledReason={
        unless(may, m.samples_edit_samples()) ??
        (stored.deletedAt ? m.samples_it_is({ status: sampleStateName(stored).toLowerCase() }) : undefined)
      }
      cancel={leave}
      submit={(values) => update.mutate({ values, etag: base.etag })}
      conflict={conflict}
    >
      <SampleFields form={form} />
    </FormShell>
  );
}
