import { Anchor, NativeSelect } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { type Recipe, RecipeState } from "../../gen/spectra/runs/v1/recipe_pb";
import { m } from "../../gen/words/messages";
import { PersonName, useMethodTitle } from "../../refs/refs";
import { useRecipeEvents } from "../../refs/watches";
import { useCan } from "../../rpc/me";
import { recipeStateName, recipeTone } from "../../rpc/names";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { all, matches } from "../../ui/filter";
import { type Column, ListTable, Search, useListTable } from "../../ui/ListTable";
import { NoneYet } from "../../ui/NoneYet";
import { Page } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";

function MethodTitle({ code }: { code: string }) {
  return <>{useMethodTitle()(code)}</>;
}

const COLUMNS: Column<Recipe>[] = [
  {
    name: "name",
    title: m.ui_name(),
    sort: "name",
    cell: (recipe) => (
      <Anchor renderRoot={(props) => <Link to="/recipes/$id" params={{ id: recipe.id }} {...props} />}>
        {recipe.name}
      </Anchor>
    ),
  },
  { name: "method", title: m.recipes_method(), cell: (recipe) => <MethodTitle code={recipe.method} /> },
  { name: "latest", title: m.recipes_latest(), numeric: true, cell: (recipe) => recipe.latestVersion?.version ?? "–" },
  {
    name: "state",
    title: m.ui_state(),
    cell: (recipe) =>
      recipe.latestVersion && (
        <State tone={recipeTone[recipe.latestVersion.state]}>{recipeStateName(recipe.latestVersion.state)}</State>
      ),
  },
  {
    name: "approved",
    title: m.recipes_approved(),
    numeric: true,
    cell: (recipe) =>
      recipe.approvedVersion
        ? m.recipes_approved_version({ version: recipe.approvedVersion.version })
        : m.ui_none_chosen(),
  },
  { name: "author", title: m.recipes_author(), wide: true, cell: (recipe) => <PersonName id={recipe.createdBy} /> },
  { name: "changed", title: m.ui_changed(), sort: "updated_at", cell: (recipe) => <Time at={recipe.updatedAt} /> },
];

const STATES = [RecipeState.DRAFT, RecipeState.IN_REVIEW, RecipeState.APPROVED, RecipeState.RETIRED];

export default function RecipesPage() {
  const navigate = useNavigate();
  const may = useCan()("recipes.write");
  const list = useListTable<Recipe>({
    key: ["recipes"],
    order: "name",
    filter: ({ q, state }) => all(matches(q, "name"), state && `state = ${state}`),
    fetch: async (asked, signal) => {
      const answer = await rpc.recipes.listRecipes(asked, { signal });
      return { rows: answer.recipes, next: answer.nextPageToken };
    },
  });
  useRecipeEvents();
  return (
    <Page
      title={m.recipes_recipes()}
      actions={
        <Action
          data-key="create"
          disabledReason={unless(may, m.recipes_write_recipes())}
          onClick={() => void navigate({ to: "/recipes/new" })}
        >
          {m.recipes_new_recipe()}
        </Action>
      }
    >
      <ListTable
        label={m.recipes_recipes()}
        list={list}
        filters={
          <>
            <Search list={list} label={m.recipes_search_recipes()} />
            <NativeSelect
              aria-label={m.ui_state()}
              value={list.search.state ?? ""}
              onChange={(event) => list.ask({ state: event.currentTarget.value })}
            >
              <option value="">{m.recipes_every_state()}</option>
              {STATES.map((state) => (
                <option key={state} value={RecipeState[state]}>
                  {recipeStateName(state).toLowerCase()}
                </option>
              ))}
            </NativeSelect>
          </>
        }
        columns={COLUMNS}
        empty={
          <NoneYet
            title={m.recipes_no_recipes_yet()}
            what={m.recipes_what_a_recipe_is()}
            verb={m.recipes_new_recipe()}
            begin={may && (() => void navigate({ to: "/recipes/new" }))}
          />
        }
      />
    </Page>
  );
}
