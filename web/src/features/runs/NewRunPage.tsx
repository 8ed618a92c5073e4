import { Group, NativeSelect, Skeleton, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { RunPurpose } from "../../gen/spectra/runs/v1/run_pb";
import { RunsService } from "../../gen/spectra/runs/v1/runs_service_pb";
import { type Sample, SampleStatus } from "../../gen/spectra/samples/v1/sample_pb";
import { m } from "../../gen/words/messages";
import { runPolicyQuery } from "../../refs/approval";
import { faultsOf, ParamsForm, paramsOf, type Texts, textsOf } from "../../refs/ParamsForm";
import { sampleQuery, useInstruments, useMethods } from "../../refs/refs";
import { Lockout, lockoutOf, Standing, statusQuery } from "../../refs/Standing";
import { failure } from "../../rpc/failure";
import { permissionOf, useCan } from "../../rpc/me";
import { runPurposeName, sampleStateName } from "../../rpc/names";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { ErrorView } from "../../ui/ErrorView";
import { all, matches, quoted } from "../../ui/filter";
import type { ListSearch } from "../../ui/ListTable";
import { Page, Section } from "../../ui/Page";
import { wordsOf } from "../../ui/reasons";
import { leaving, useUnsaved } from "../../ui/unsaved";
import { demandsOf } from "./demands";
import { Scope } from "./Scope";

const PURPOSES = [RunPurpose.ROUTINE, RunPurpose.INTERMEDIATE_CHECK, RunPurpose.CALIBRATION];

interface Draft {
  purpose: RunPurpose;
  sampleId: string;
  instrumentId: string;
  recipeVersionId: string;
  method: string;
  params: Texts;
  comment: string;
}

/** A run is made of a sample, an instrument, and a recipe or a method with its parameters. Whether the instrument may be
 * used is shown while one chooses, and follows what happens to it meanwhile. */
export default function NewRunPage() {
  const search = useSearch({ strict: false }) as ListSearch;
  const recipes = useRecipes();
  // A recipe that is named in the address brings its parameters.
  if (search.recipe) {
    if (recipes.isFetching && !recipes.isFetchedAfterMount) return <Skeleton height={300} />;
    if (recipes.error && !recipes.data) return <ErrorView error={recipes.error} again={() => recipes.refetch()} />;
  }
  return <NewRun search={search} recipes={recipes.data ?? []} />;
}

function NewRun({ search, recipes }: { search: ListSearch; recipes: ApprovedRecipe[] }) {
  const navigate = useNavigate();
  const can = useCan();
  const may = can("runs.create");
  const named = recipes.find((one) => one.recipeId === search.recipe);
  const [first] = useState<Draft>({
    purpose: RunPurpose.ROUTINE,
    sampleId: search.sample ?? "",
    instrumentId: search.instrument ?? "",
    recipeVersionId: named?.id ?? "",
    method: "",
    params: textsOf(named?.params),
    comment: "",
  });
  const [draft, setDraft] = useState(first);
  useUnsaved(JSON.stringify(draft) !== JSON.stringify(first));
  const [shown, setShown] = useState<Texts>({});
  const instruments = useInstruments();
  const methods = useMethods();
  const policy = useQuery(runPolicyQuery);
  const recipe = recipes.find((one) => one.id === draft.recipeVersionId);
  const method = methods.data?.find((one) => one.code === (recipe?.method ?? draft.method));
  const instrument = instruments.data?.find((one) => one.id === draft.instrumentId);
  const standing = useQuery({ ...statusQuery(draft.instrumentId), enabled: draft.instrumentId !== "" });
  const sample = useQuery({ ...sampleQuery(draft.sampleId), enabled: draft.sampleId !== "" });
  const create = useChange(
    async ({ purpose, ...draft }: Draft, requestId) => {
      const run = {
        sampleId: draft.sampleId,
        instrumentId: draft.instrumentId,
        recipeVersionId: draft.recipeVersionId,
        method: draft.recipeVersionId ? "" : draft.method,
        params: paramsOf(method?.paramsSchema, draft.params),
        comment: draft.comment,
      };
      const made =
        purpose === RunPurpose.ROUTINE
          ? await rpc.runs.createRun({ run, requestId })
          : await rpc.runs.createNonRoutineRun({ run, purpose, requestId });
      return made.run;
    },
    {
      touches: [["runs"]],
      done: (run) => run && void navigate({ to: "/runs/$id", params: { id: run.id }, ignoreBlocker: true }),
    },
  );
  const set = (change: Partial<Draft>) => {
    create.reset();
    setDraft((before) => ({ ...before, ...change }));
  };
  const exempt = draft.purpose !== RunPurpose.ROUTINE;
  const locked = exempt ? undefined : lockoutOf(standing.data);
  const recipeWanted = policy.data?.requireApprovedRecipe && !exempt;
  const wanting = !draft.sampleId
    ? m.runs_choose_a_sample()
    : !draft.instrumentId
      ? m.runs_choose_an_instrument()
      : !method
        ? m.runs_choose_a_recipe_or_a_method()
        : !recipe && recipeWanted
          ? m.runs_the_labs_policy_wants_a_recipe()
          : // One that another run has in use can be waited for, in the queue.
            sample.data && sample.data.status !== SampleStatus.IN_USE
            ? notAvailable(sample.data)
            : undefined;
  return (
    <Page title={m.runs_new_run()}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const faults = faultsOf(method?.paramsSchema, draft.params, recipe?.limits);
          setShown(faults);
          if (Object.keys(faults).length === 0 && !wanting && !locked) create.mutate(draft);
        }}
      >
        <Stack maw={720}>
          {can(permissionOf(RunsService.method.createNonRoutineRun)) && (
            <NativeSelect
              label={m.runs_purpose()}
              description={exempt ? m.runs_exempt_from_the_lockout() : undefined}
              value={String(draft.purpose)}
              onChange={(event) => set({ purpose: Number(event.currentTarget.value) })}
            >
              {PURPOSES.map((purpose) => (
                <option key={purpose} value={purpose}>
                  {runPurposeName(purpose)}
                </option>
              ))}
            </NativeSelect>
          )}
          <SampleChoice value={draft.sampleId} choose={(sampleId) => set({ sampleId })} />
          <NativeSelect
            label={m.runs_instrument()}
            required
            value={draft.instrumentId}
            onChange={(event) => set({ instrumentId: event.currentTarget.value })}
          >
            <option value="">{m.ui_choose_one()}</option>
            {instruments.data
              ?.filter((one) => !method || one.methods.length === 0 || one.methods.includes(method.code))
              .map((one) => (
                <option key={one.id} value={one.id}>
                  {one.assetCode} {one.manufacturer} {one.model}
                </option>
              ))}
          </NativeSelect>
          {draft.instrumentId && <Standing instrumentId={draft.instrumentId} />}
          <Lockout instrumentId={draft.instrumentId} exempt={exempt} />
          <Group grow align="flex-start">
            <NativeSelect
              label={m.runs_recipe()}
              description={m.runs_approved_parameters_within_limits()}
              value={draft.recipeVersionId}
              onChange={(event) => {
                const chosen = recipes.find((one) => one.id === event.currentTarget.value);
                setShown({});
                set({ recipeVersionId: event.currentTarget.value, params: textsOf(chosen?.params), method: "" });
              }}
            >
              <option value="">{m.ui_none_chosen()}</option>
              {recipes
                .filter(
                  (one) => !instrument || instrument.methods.length === 0 || instrument.methods.includes(one.method),
                )
                .map((one) => (
                  <option key={one.id} value={one.id}>
                    {m.runs_recipe_version({ name: one.name, version: one.version })}
                  </option>
                ))}
            </NativeSelect>
            <NativeSelect
              label={m.runs_method()}
              description={recipeWanted ? m.runs_the_labs_policy_wants_a_recipe() : m.runs_or_one_with_parameters()}
              value={recipe?.method ?? draft.method}
              disabled={draft.recipeVersionId !== ""}
              onChange={(event) => {
                setShown({});
                set({ method: event.currentTarget.value, params: {} });
              }}
            >
              <option value="">{m.ui_choose_one()}</option>
              {methods.data
                ?.filter(
                  (one) => !instrument || instrument.methods.length === 0 || instrument.methods.includes(one.code),
                )
                .map((one) => (
                  <option key={one.code} value={one.code}>
                    {one.title}
                  </option>
                ))}
            </NativeSelect>
          </Group>
          {method && (
            <Section title={m.runs_parameters()}>
              <Text size="sm" c="dimmed">
                {method.description}
              </Text>
              <ParamsForm
                schema={method.paramsSchema}
                texts={draft.params}
                change={(params) => set({ params })}
                faults={shown}
                {...(recipe ? { limits: recipe.limits } : {})}
              />
              {instrument && !exempt && (
                <Scope
                  instrument={instrument}
                  demands={demandsOf(method, paramsOf(method.paramsSchema, draft.params))}
                />
              )}
            </Section>
          )}
          <Textarea
            label={m.ui_comment()}
            autosize
            minRows={2}
            value={draft.comment}
            onChange={(event) => set({ comment: event.currentTarget.value })}
          />
          {create.error ? <ErrorView error={create.error} /> : null}
          <Group>
            <Action
              type="submit"
              loading={create.isPending}
              disabledReason={unless(may, m.runs_create_runs()) ?? wanting ?? locked}
            >
              {m.runs_queue_the_run()}
            </Action>
            <Action variant="default" onClick={leaving(() => void navigate({ to: "/runs" }))}>
              {m.ui_cancel()}
            </Action>
          </Group>
        </Stack>
      </form>
    </Page>
  );
}

type ApprovedRecipe = NonNullable<ReturnType<typeof useRecipes>["data"]>[number];

/** The versions of recipes that runs can be made from. */
function useRecipes() {
  return useQuery({
    queryKey: ["recipes", "approved"],
    queryFn: async ({ signal }) => {
      const { recipes } = await rpc.recipes.listRecipes({ pageSize: 1000, orderBy: "name" }, { signal });
      return recipes.flatMap(({ id, name, approvedVersion }) =>
        approvedVersion
          ? [
              {
                name,
                recipeId: id,
                id: approvedVersion.id,
                version: approvedVersion.version,
                method: approvedVersion.method,
                params: approvedVersion.params,
                limits: approvedVersion.limits,
              },
            ]
          : [],
      );
    },
  });
}

/** Finds a sample by words or by scan. */
function SampleChoice({ value, choose }: { value: string; choose: (id: string) => void }) {
  const [words, setWords] = useState("");
  const chosen = useQuery({ ...sampleQuery(value), enabled: value !== "" });
  const found = useQuery({
    queryKey: ["samples", "choice", words],
    queryFn: async ({ signal }) =>
      (
        await rpc.samples.listSamples(
          {
            filter: all("status = AVAILABLE", matches(words, "name", "barcode", "lot_code")),
            orderBy: "updated_at desc",
            pageSize: 20,
          },
          { signal },
        )
      ).samples,
  });
  // A scanner ends its code with Enter before any list has followed.
  const scan = useMutation({
    mutationFn: async (code: string) => {
      const { samples } = await rpc.samples.listSamples({ filter: `barcode = ${quoted(code)}`, pageSize: 1 });
      if (samples.length > 0) return samples;
      return (await rpc.samples.listSamples({ filter: matches(code, "name", "barcode", "lot_code"), pageSize: 2 }))
        .samples;
    },
    onSuccess: (samples) => {
      const [only] = samples;
      if (only && !notChosen(samples, words)) choose(only.id);
    },
  });
  const options = [
    ...(chosen.data && !found.data?.some((one) => one.id === value) ? [chosen.data] : []),
    ...(found.data ?? []),
  ];
  return (
    <Group grow align="flex-start">
      <TextInput
        label={m.runs_find_a_sample()}
        placeholder={m.runs_scan_or_type_a_name()}
        value={words}
        onChange={(event) => {
          setWords(event.currentTarget.value);
          scan.reset();
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          if (words.trim()) scan.mutate(words.trim());
        }}
        error={scan.error ? wordsOf(failure(scan.error).reason).title : scan.data && notChosen(scan.data, words)}
      />
      <NativeSelect
        label={m.runs_sample()}
        required
        value={value}
        error={chosen.error ? wordsOf(failure(chosen.error).reason).title : chosen.data && notAvailable(chosen.data)}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        <option value="">{m.ui_choose_one()}</option>
        {options.map((sample) => (
          <option key={sample.id} value={sample.id}>
            {sample.name} · {sample.materialType}
            {sample.barcode ? ` · ${sample.barcode}` : ""}
          </option>
        ))}
      </NativeSelect>
    </Group>
  );
}

/** Why none of the samples that were found is taken at once. */
function notChosen(found: Sample[], words: string): string | undefined {
  const [only] = found;
  if (!only) return m.runs_nothing_has({ words: words.trim() });
  if (found.length > 1) return m.runs_several_have({ words: words.trim() });
  return notAvailable(only);
}

function notAvailable(sample: Sample): string | undefined {
  if (sample.status === SampleStatus.AVAILABLE && !sample.deletedAt) return undefined;
  return m.runs_found_is({ name: sample.name, status: sampleStateName(sample).toLowerCase() });
}
