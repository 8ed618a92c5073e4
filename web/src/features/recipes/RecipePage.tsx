import { Alert, Code, Group, NativeSelect, Skeleton, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { type Recipe, RecipeState, type RecipeVersion } from "../../gen/spectra/runs/v1/recipe_pb";
import { RecipesService } from "../../gen/spectra/runs/v1/recipes_service_pb";
import { m } from "../../gen/words/messages";
import { useWantsAnother } from "../../refs/approval";
import { text } from "../../refs/Changes";
import { PersonName, useMethodTitle } from "../../refs/refs";
import { useRecipeEvents } from "../../refs/watches";
import { permissionOf, useCan } from "../../rpc/me";
import { recipeStateName, recipeTone } from "../../rpc/names";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { ConfirmedAction } from "../../ui/ConfirmedAction";
import { ErrorView } from "../../ui/ErrorView";
import { quoted } from "../../ui/filter";
import { Page, Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";
import { type Content, RecipeForm } from "./RecipeForm";

const FIELDS = ["name", "params", "limits", "comment"];

/** What a step is taken on. */
interface Asked {
  id: string;
  version: number;
  etag: string;
  comment: string;
}

interface Step {
  verb: string;
  open: (recipe: Recipe) => boolean;
  may: string;
  means: string;
  /** Label of the comment; none is asked for without. */
  comment?: string;
  required?: boolean;
  danger?: boolean;
  /** Whether the lab may want somebody else to do it. */
  fourEyes?: boolean;
  send: (request: Asked & { requestId: string }) => Promise<unknown>;
}

const { DRAFT, IN_REVIEW } = RecipeState;
const latest = (state: RecipeState) => (recipe: Recipe) => recipe.latestVersion?.state === state;
const STEPS: Step[] = [
  {
    verb: m.recipes_submit(),
    open: latest(DRAFT),
    may: permissionOf(RecipesService.method.submitRecipe),
    means: m.recipes_a_principal_investigator_then_approves(),
    send: ({ version: _, comment: __, ...request }) => rpc.recipes.submitRecipe(request),
  },
  {
    verb: m.recipes_approve(),
    open: latest(IN_REVIEW),
    may: permissionOf(RecipesService.method.approveRecipe),
    means: m.recipes_runs_can_be_made_from_it(),
    comment: m.ui_comment(),
    fourEyes: true,
    send: (request) => rpc.recipes.approveRecipe(request),
  },
  {
    verb: m.recipes_reject(),
    open: latest(IN_REVIEW),
    may: permissionOf(RecipesService.method.rejectRecipe),
    means: m.recipes_it_goes_back_to_its_author(),
    comment: m.recipes_what_is_wrong_with_it(),
    required: true,
    danger: true,
    send: (request) => rpc.recipes.rejectRecipe(request),
  },
  {
    verb: m.recipes_retire(),
    // Also where a newer version has been begun.
    open: ({ approvedVersion }) => approvedVersion !== undefined,
    may: permissionOf(RecipesService.method.retireRecipe),
    means: m.recipes_no_new_run_is_made(),
    comment: m.recipes_why(),
    required: true,
    danger: true,
    send: ({ version: _, ...request }) => rpc.recipes.retireRecipe(request),
  },
];

export default function RecipePage() {
  const { id } = useParams({ from: "/recipes/$id" });
  const navigate = useNavigate();
  const title = useMethodTitle();
  const can = useCan();
  const [editing, setEditing] = useState(false);
  const query = useQuery({
    queryKey: ["recipes", id],
    queryFn: async ({ signal }) => (await rpc.recipes.getRecipe({ id }, { signal })).recipe,
  });
  useRecipeEvents((recipe) => recipe.id === id);
  const update = useChange(
    ({ etag, ...content }: Content & { etag: string }, requestId) =>
      rpc.recipes.updateRecipe({ recipe: { id, etag, ...content }, updateMask: { paths: FIELDS }, requestId }),
    {
      touches: [["recipes"], ["audit"]],
      done: () => setEditing(false),
    },
  );
  const recipe = query.data;
  if (query.error && !recipe) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!recipe) return <Skeleton height={300} />;
  const newest = recipe.latestVersion;
  const versions = { method: title(recipe.method), version: newest?.version ?? "–" };
  return (
    <Page
      title={recipe.name}
      aside={newest && <State tone={recipeTone[newest.state]}>{recipeStateName(newest.state)}</State>}
      lead={
        recipe.approvedVersion
          ? m.recipes_lead_approved({ ...versions, approved: recipe.approvedVersion.version })
          : m.recipes_lead(versions)
      }
      actions={
        editing ? null : (
          <>
            <Action
              variant="default"
              disabledReason={
                unless(can("recipes.write"), m.recipes_edit_recipes()) ??
                (newest?.state === IN_REVIEW ? m.recipes_it_is_being_reviewed() : undefined)
              }
              onClick={() => setEditing(true)}
            >
              {m.recipes_edit()}
            </Action>
            {STEPS.filter((step) => step.open(recipe)).map((step) => (
              <StepAction key={step.verb} recipe={recipe} step={step} />
            ))}
            {recipe.approvedVersion && (
              <Action
                disabledReason={unless(can("runs.create"), m.recipes_create_runs())}
                onClick={() => void navigate({ to: "/runs/new", search: { recipe: id } })}
              >
                {m.recipes_new_run()}
              </Action>
            )}
          </>
        )
      }
    >
      {newest?.state === DRAFT && newest.reviewedAt && (
        <Alert color="yellow" title={m.recipes_it_was_sent_back()}>
          {newest.reviewComment} (<PersonName id={newest.reviewedBy} />, <Time at={newest.reviewedAt} />)
        </Alert>
      )}
      {editing ? (
        <RecipeForm
          recipe={recipe}
          verb={m.ui_save()}
          change={update}
          submit={(content, etag) => update.mutate({ ...content, etag })}
          cancel={() => {
            update.reset();
            setEditing(false);
          }}
        />
      ) : (
        <Versions recipeId={id} />
      )}
    </Page>
  );
}

function StepAction({ recipe, step }: { recipe: Recipe; step: Step }) {
  const may = useCan()(step.may);
  const another = useWantsAnother()(recipe) && step.fourEyes;
  const change = useChange((asked: Asked, requestId) => step.send({ ...asked, requestId }), {
    touches: [["recipes"], ["audit"]],
  });
  return (
    <ConfirmedAction
      verb={step.verb}
      sure={m.recipes_do_one({ verb: step.verb })}
      main={!step.danger}
      disabledReason={
        unless(may, m.recipes_do({ verb: step.verb.toLowerCase() })) ?? (another ? m.recipes_it_is_yours() : undefined)
      }
      title={m.ui_question({ verb: step.verb, what: recipe.name })}
      {...(step.comment ? { reason: step.comment } : {})}
      reasonRequired={step.required ?? false}
      danger={step.danger ?? false}
      change={change}
      input={(comment) => ({
        id: recipe.id,
        version: recipe.latestVersion?.version ?? 0,
        etag: recipe.etag,
        comment,
      })}
    >
      {step.means}
    </ConfirmedAction>
  );
}

/** All versions, and any two of them side by side. */
function Versions({ recipeId }: { recipeId: string }) {
  const query = useQuery({
    queryKey: ["recipes", recipeId, "versions"],
    queryFn: async ({ signal }) =>
      (
        await rpc.recipes.listRecipeVersions(
          { filter: `recipe_id = ${quoted(recipeId)}`, orderBy: "created_at desc", pageSize: 100 },
          { signal },
        )
      ).recipeVersions,
  });
  const [left, setLeft] = useState("");
  const [right, setRight] = useState("");
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!query.data) return <Skeleton height={200} />;
  const of = (id: string, otherwise: number) =>
    query.data.find((version) => version.id === id) ?? query.data[otherwise];
  const [older, newer] = [of(left, 1) ?? query.data[0], of(right, 0)];
  const names = query.data.map((version) => ({
    id: version.id,
    name: m.recipes_version_in_state({
      version: version.version,
      state: recipeStateName(version.state).toLowerCase(),
    }),
  }));
  const choice = (label: string, version: RecipeVersion | undefined, choose: (id: string) => void) => (
    <NativeSelect
      aria-label={label}
      size="xs"
      value={version?.id}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {names.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </NativeSelect>
  );
  return (
    <>
      <Section
        title={m.recipes_content()}
        actions={
          <Group gap="xs">
            {choice(m.recipes_compare(), older, setLeft)}
            <Text size="sm">{m.recipes_compare_with()}</Text>
            {choice(m.recipes_with(), newer, setRight)}
          </Group>
        }
      >
        {older && newer && <Compare older={older} newer={newer} />}
      </Section>
      <Section title={m.recipes_versions()}>
        <Table aria-label={m.recipes_versions()} verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th ta="right">{m.recipes_version()}</Table.Th>
              <Table.Th>{m.ui_state()}</Table.Th>
              <Table.Th>{m.recipes_author()}</Table.Th>
              <Table.Th>{m.recipes_reviewed_by()}</Table.Th>
              <Table.Th>{m.recipes_review()}</Table.Th>
              <Table.Th>{m.recipes_content_hash()}</Table.Th>
              <Table.Th>{m.recipes_made()}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {query.data.map((version) => (
              <Table.Tr key={version.id}>
                <Table.Td ta="right">{version.version}</Table.Td>
                <Table.Td>
                  <State tone={recipeTone[version.state]}>{recipeStateName(version.state)}</State>
                </Table.Td>
                <Table.Td>
                  <PersonName id={version.authorId} />
                </Table.Td>
                <Table.Td>
                  <PersonName id={version.reviewedBy} />
                </Table.Td>
                <Table.Td>{version.reviewComment || "–"}</Table.Td>
                <Table.Td>
                  <Code>{version.contentSha256.slice(0, 16)}</Code>
                </Table.Td>
                <Table.Td>
                  <Time at={version.createdAt} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Section>
    </>
  );
}

function Compare({ older, newer }: { older: RecipeVersion; newer: RecipeVersion }) {
  const lines = (version: RecipeVersion): Record<string, string> => ({
    ...Object.fromEntries(Object.entries(version.params ?? {}).map(([name, value]) => [name, text(value)])),
    ...Object.fromEntries(
      version.limits.map(({ param, low, high }) => [m.recipes_allowed({ param }), m.recipes_from_to({ low, high })]),
    ),
    comment: version.comment || "–",
  });
  const [before, after] = [lines(older), lines(newer)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const one = older.id === newer.id;
  return (
    <Table aria-label={m.recipes_compared()} verticalSpacing="xs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{m.recipes_what()}</Table.Th>
          {!one && <Table.Th>{m.recipes_version_numbered({ version: older.version })}</Table.Th>}
          <Table.Th>{m.recipes_version_numbered({ version: newer.version })}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {names.map((name) => (
          <Table.Tr key={name}>
            <Table.Td>{name.replaceAll("_", " ")}</Table.Td>
            {!one && <Table.Td>{before[name] ?? "–"}</Table.Td>}
            <Table.Td>
              {before[name] === after[name] ? (
                after[name]
              ) : (
                <strong>{m.recipes_changed({ value: after[name] ?? "–" })}</strong>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
