// Things that others name by their id, as people call them.
import { Code, ConnectError } from "@connectrpc/connect";
import { Anchor } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { m } from "../gen/words/messages";
import { rpc } from "../rpc/transport";
import { quoted } from "../ui/filter";

const ALL = 1000;
const MINUTE = 60_000;

/** The lab's instruments: few enough to have them all. */
export function useInstruments() {
  return useQuery({
    queryKey: ["instruments", "all"],
    queryFn: async ({ signal }) =>
      (await rpc.instruments.listInstruments({ pageSize: ALL, orderBy: "asset_code" }, { signal })).instruments,
    staleTime: MINUTE,
  });
}

/** The organization's people, those who have left among them. */
export function usePeople() {
  return useQuery({
    queryKey: ["users", "all"],
    queryFn: async ({ signal }) => (await rpc.users.listUsers({ pageSize: ALL }, { signal })).users,
    staleTime: MINUTE,
  });
}

export function useProjects() {
  return useQuery({
    queryKey: ["projects", "all"],
    queryFn: async ({ signal }) =>
      (await rpc.projects.listProjects({ pageSize: ALL, orderBy: "code" }, { signal })).projects,
    staleTime: MINUTE,
  });
}

export function useMethods() {
  return useQuery({
    queryKey: ["methods"],
    queryFn: async ({ signal }) => (await rpc.methods.listMethods({}, { signal })).methods,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function PersonName({ id }: { id: string }) {
  const people = usePeople();
  if (!id) return <span>–</span>;
  return <span>{people.data?.find((person) => person.id === id)?.displayName ?? "…"}</span>;
}

export function InstrumentLink({ id }: { id: string }) {
  const instruments = useInstruments();
  const instrument = instruments.data?.find((one) => one.id === id);
  return (
    <Anchor renderRoot={(props) => <Link to="/instruments/$id" params={{ id }} {...props} />}>
      {instrument ? `${instrument.assetCode} ${instrument.model}` : "…"}
    </Anchor>
  );
}

/** A sample, though it may be deleted. */
export function sampleQuery(id: string) {
  return queryOptions({
    queryKey: ["samples", id],
    queryFn: async ({ signal }) => {
      try {
        return (await rpc.samples.getSample({ id }, { signal })).sample;
      } catch (error) {
        if (!(error instanceof ConnectError && error.code === Code.NotFound)) throw error;
        const filter = `id = ${quoted(id)}`;
        const [deleted] = (await rpc.samples.listSamples({ filter, showDeleted: true }, { signal })).samples;
        if (!deleted) throw error;
        return deleted;
      }
    },
  });
}

export function SampleLink({ id }: { id: string }) {
  const { data } = useQuery({ ...sampleQuery(id), staleTime: MINUTE });
  return (
    <Anchor renderRoot={(props) => <Link to="/samples/$id" params={{ id }} {...props} />}>{data?.name ?? "…"}</Anchor>
  );
}

/** A run, by the end of its id: it has no name. */
export function RunLink({ id }: { id: string }) {
  return (
    <Anchor renderRoot={(props) => <Link to="/runs/$id" params={{ id }} {...props} />}>
      {m.refs_run({ run: id.slice(-8) })}
    </Anchor>
  );
}

/** A version of a recipe, by its id. */
export function RecipeLink({ versionId }: { versionId: string }) {
  const { data } = useQuery({
    queryKey: ["recipes", "version", versionId],
    queryFn: async ({ signal }) => {
      const filter = `id = ${quoted(versionId)}`;
      const version = (await rpc.recipes.listRecipeVersions({ filter, pageSize: 1 }, { signal })).recipeVersions[0];
      const recipe = version && (await rpc.recipes.getRecipe({ id: version.recipeId }, { signal })).recipe;
      return version && recipe ? { id: recipe.id, name: recipe.name, version: version.version } : null;
    },
    staleTime: MINUTE,
  });
  if (!data) return <span>…</span>;
  const { id, name, version } = data;
  return (
    <Anchor renderRoot={(props) => <Link to="/recipes/$id" params={{ id }} {...props} />}>
      {m.refs_recipe_version({ name, version })}
    </Anchor>
  );
}

export function calibrationQuery(id: string) {
  return queryOptions({
    queryKey: ["calibrations", id],
    queryFn: async ({ signal }) => (await rpc.calibrations.getCalibration({ id }, { signal })).calibration,
  });
}

/** A certificate, by its number. */
export function CertificateLink({ id }: { id: string }) {
  const { data } = useQuery({ ...calibrationQuery(id), staleTime: MINUTE });
  return (
    <Anchor size="sm" renderRoot={(props) => <Link to="/calibrations/$id" params={{ id }} {...props} />}>
      {data?.certificateId ?? "…"}
    </Anchor>
  );
}

export function ProjectName({ id }: { id: string }) {
  const projects = useProjects();
  if (!id) return <span>–</span>;
  const project = projects.data?.find((one) => one.id === id);
  return <span>{project ? `${project.code} ${project.name}` : "…"}</span>;
}

export function useMethodTitle(): (code: string) => string {
  const { data } = useMethods();
  return (code) => data?.find((method) => method.code === code)?.title ?? code;
}
