import { queryOptions, useQuery } from "@tanstack/react-query";
import type { Recipe } from "../gen/spectra/runs/v1/recipe_pb";
import { useMe } from "../rpc/me";
import { rpc } from "../rpc/transport";

/** What the laboratory asks of recipes. */
export const runPolicyQuery = queryOptions({
  queryKey: ["runPolicy"],
  queryFn: async ({ signal }) => (await rpc.runs.getPolicy({}, { signal })).policy,
});

/** Whether somebody has a hand in a recipe's latest version. */
export function isTheirs({ latestVersion: latest }: Recipe, userId: string): boolean {
  return latest !== undefined && [...latest.authorIds, latest.submittedBy].includes(userId);
}

/** Whether the lab's policy wants somebody else to approve a recipe (four eyes). Not before it is known; the server decides. */
export function useWantsAnother(): (recipe: Recipe) => boolean {
  const { data: policy } = useQuery(runPolicyQuery);
  const me = useMe().data?.user?.id;
  return (recipe) => (policy?.fourEyes ?? false) && me !== undefined && isTheirs(recipe, me);
}
