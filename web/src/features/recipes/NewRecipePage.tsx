import { useNavigate } from "@tanstack/react-router";
import { m } from "../../gen/words/messages";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Page } from "../../ui/Page";
import { type Content, RecipeForm } from "./RecipeForm";

export default function NewRecipePage() {
  const navigate = useNavigate();
  const create = useChange((recipe: Content, requestId) => rpc.recipes.createRecipe({ recipe, requestId }), {
    touches: [["recipes"]],
    done: ({ recipe }) =>
      recipe && void navigate({ to: "/recipes/$id", params: { id: recipe.id }, ignoreBlocker: true }),
  });
  return (
    <Page title={m.recipes_new_recipe()}>
      <RecipeForm
        verb={m.recipes_save_as_draft()}
        change={create}
        submit={(content) => create.mutate(content)}
        cancel={() => void navigate({ to: "/recipes" })}
      />
    </Page>
  );
}
