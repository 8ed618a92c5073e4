// What watches tell of is asked for anew.
import type { Recipe } from "../gen/spectra/runs/v1/recipe_pb";
import type { Run } from "../gen/spectra/runs/v1/run_pb";
import type { Sample } from "../gen/spectra/samples/v1/sample_pb";
import { queryClient } from "../rpc/query";
import { rpc } from "../rpc/transport";
import { useWatch } from "../rpc/watch";

const any = () => true;

/** Follows samples: all of them, or those that the page is about. */
export function useSampleEvents(about: (sample: Sample) => boolean = any): void {
  useWatch(
    (resumeToken, signal) => rpc.samples.watchSamples({ resumeToken }, { signal }),
    ({ event }) => event?.sample && about(event.sample) && queryClient.invalidateQueries({ queryKey: ["samples"] }),
  );
}

export function useRunEvents(about: (run: Run) => boolean = any): void {
  useWatch(
    (resumeToken, signal) => rpc.runs.watchRuns({ resumeToken }, { signal }),
    ({ event }) => event?.run && about(event.run) && queryClient.invalidateQueries({ queryKey: ["runs"] }),
  );
}

export function useRecipeEvents(about: (recipe: Recipe) => boolean = any): void {
  useWatch(
    (resumeToken, signal) => rpc.recipes.watchRecipes({ resumeToken }, { signal }),
    ({ event }) => event?.recipe && about(event.recipe) && queryClient.invalidateQueries({ queryKey: ["recipes"] }),
  );
}
