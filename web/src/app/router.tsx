// Where each page is. A page's code is fetched when it is first gone to, or pointed at.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, notFound } from "@tanstack/react-router";
import type { ComponentType } from "react";
import type { ListSearch } from "../ui/ListTable";
import { Missing } from "../ui/Missing";
import { Broken } from "./Broken";
import { Gate } from "./Gate";

const root = createRootRoute({ component: Gate, notFoundComponent: Missing, errorComponent: Broken });

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function page<const Path extends string>(path: Path, load: () => Promise<{ default: ComponentType }>) {
  return createRoute({
    getParentRoute: () => root,
    path,
    validateSearch: (search: Record<string, unknown>): ListSearch =>
      Object.fromEntries(
        Object.entries(search).flatMap(([key, value]) =>
          value === undefined || value === "" ? [] : [[key, String(value)]],
        ),
      ),
    // An id that cannot be one, as of a link that was cut off, is nobody's.
    beforeLoad: ({ params }) => {
      const { id } = params as { id?: string };
      if (id !== undefined && !UUID.test(id)) throw notFound();
    },
    component: lazyRouteComponent(load),
  });
}

const routeTree = root.addChildren([
  page("/", () => import("../features/dashboard/DashboardPage")),
  page("/samples", () => import("../features/samples/SamplesPage")),
  page("/samples/new", () => import("../features/samples/NewSamplePage")),
  page("/samples/$id", () => import("../features/samples/SamplePage")),
  page("/samples/$id/edit", () => import("../features/samples/EditSamplePage")),
  page("/projects", () => import("../features/projects/ProjectsPage")),
  page("/instruments", () => import("../features/instruments/InstrumentsPage")),
  page("/instruments/$id", () => import("../features/instruments/InstrumentPage")),
  page("/instruments/$id/certificates/new", () => import("../features/calibrations/NewCalibrationPage")),
  page("/calibrations", () => import("../features/calibrations/CertificatesPage")),
  page("/calibrations/$id", () => import("../features/calibrations/CalibrationPage")),
  page("/due", () => import("../features/calibrations/DuePage")),
  page("/runs", () => import("../features/runs/RunsPage")),
  page("/runs/new", () => import("../features/runs/NewRunPage")),
  page("/runs/$id", () => import("../features/runs/RunPage")),
  page("/recipes", () => import("../features/recipes/RecipesPage")),
  page("/recipes/new", () => import("../features/recipes/NewRecipePage")),
  page("/recipes/$id", () => import("../features/recipes/RecipePage")),
  page("/users", () => import("../features/users/UsersPage")),
  page("/settings", () => import("../features/settings/SettingsPage")),
  page("/audit", () => import("../features/audit/AuditPage")),
  page("/account", () => import("../features/account/AccountPage")),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  scrollRestoration: true,
  // Search is text: what a filter says is never read as a number.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const text = new URLSearchParams(
      Object.entries(search).flatMap(([key, value]) =>
        value === undefined || value === "" ? [] : [[key, String(value)]],
      ),
    ).toString();
    return text ? `?${text}` : "";
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
