import { Alert, Anchor, AppShell, Burger, Group, NavLink, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useIsFetching, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, lazyRouteComponent, Outlet, useRouterState } from "@tanstack/react-router";
import { Suspense, useEffect, useState } from "react";
import { m } from "../gen/words/messages";
import { failure } from "../rpc/failure";
import { useCan, useMe } from "../rpc/me";
import { session } from "../rpc/session";
import { useLive } from "../rpc/watch";
import { ErrorView } from "../ui/ErrorView";
import { wordsOf } from "../ui/reasons";
import { ZoneContext } from "../ui/Time";
import { Unsaved } from "../ui/Unsaved";
import { Keys } from "./Keys";
import { PersonButton } from "./PersonButton";

const PLACES = [
  { to: "/", label: m.app_today() },
  { to: "/samples", label: m.app_samples(), may: "samples.read" },
  { to: "/projects", label: m.app_projects(), may: "projects.read" },
  { to: "/instruments", label: m.app_instruments(), may: "instruments.read" },
  { to: "/calibrations", label: m.app_certificates(), may: "calibrations.read" },
  { to: "/due", label: m.app_calibrations_due(), may: "calibrations.read" },
  { to: "/runs", label: m.app_runs(), may: "runs.read" },
  { to: "/recipes", label: m.app_recipes(), may: "recipes.read" },
  { to: "/users", label: m.app_people(), may: "users.read" },
  { to: "/settings", label: m.app_laboratory() },
  { to: "/audit", label: m.app_audit_log(), may: "audit.read" },
] as const;

/** What is around every page: where one can go, who one is, and what is away for the moment. */
export function Shell() {
  const [opened, { toggle, close }] = useDisclosure();
  const [keys, { open: openKeys, close: closeKeys }] = useDisclosure();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const me = useMe();
  const can = useCan();
  const zone = me.data?.organization?.timeZone || "UTC";
  const signOut = useMutation({ mutationFn: () => session.signOut(), retry: false });
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever has arrived has no use for the menu
  useEffect(close, [path]);
  return (
    <ZoneContext.Provider value={zone}>
      <a className="skip" href="#content">
        {m.app_skip_to_the_content()}
      </a>
      <AppShell
        header={{ height: 52 }}
        navbar={{ width: 200, breakpoint: "md", collapsed: { mobile: !opened } }}
        padding="lg"
      >
        <AppShell.Header>
          <Group h="100%" px="md" justify="space-between" wrap="nowrap">
            <Group gap="sm" wrap="nowrap">
              <Burger
                opened={opened}
                onClick={toggle}
                hiddenFrom="md"
                size="sm"
                aria-label={m.app_menu()}
                aria-expanded={opened}
              />
              <Text fw={700}>SPECTRA-Lab</Text>
              <Text c="dimmed" visibleFrom="sm">
                {me.data?.organization?.name}
              </Text>
              <Text size="xs" c="dimmed" hiddenFrom="md">
                {m.app_times_in({ zone })}
              </Text>
            </Group>
            <Person signOut={signOut.mutate} />
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="xs" aria-label={m.app_navigation()}>
          {PLACES.filter((place) => !("may" in place) || can(place.may)).map((place) => (
            <NavLink
              key={place.to}
              label={place.label}
              active={place.to === "/" ? path === "/" : path.startsWith(place.to)}
              aria-current={path === place.to ? "page" : undefined}
              renderRoot={(props) => <Link to={place.to} {...props} />}
            />
          ))}
          <Text size="xs" c="dimmed" mt="auto" p="xs">
            {m.app_times_in({ zone })}
            <br />
            <Anchor component="button" size="xs" c="inherit" td="underline" onClick={openKeys}>
              <kbd>?</kbd> {m.app_lists_the_keys()}
            </Anchor>
          </Text>
        </AppShell.Navbar>
        <AppShell.Main id="content" tabIndex={-1}>
          <Stack>
            {signOut.error ? <ErrorView error={signOut.error} again={signOut.mutate} /> : null}
            <Away />
            <Unheard />
            <Outlet />
          </Stack>
        </AppShell.Main>
      </AppShell>
      <Keys opened={keys} open={openKeys} close={closeKeys} />
      <Unsaved />
    </ZoneContext.Provider>
  );
}

/** Its code comes once the page stands: it is there for whoever signs out when nothing can be fetched any more. */
const PersonMenu = lazyRouteComponent(() => import("./PersonMenu"));

function Person({ signOut }: { signOut: () => void }) {
  const [wanted, { open }] = useDisclosure();
  useEffect(() => void PersonMenu.preload?.(), []);
  const button = <PersonButton aria-haspopup="menu" onClick={open} />;
  return <Suspense fallback={button}>{wanted ? <PersonMenu signOut={signOut} /> : button}</Suspense>;
}

/** Names what is away, as long as something that a page asked for is not answered. It goes by itself. */
function Away() {
  const client = useQueryClient();
  const [reasons, setReasons] = useState<string[]>([]);
  useIsFetching();
  useEffect(() => {
    const look = () => {
      const failed = client
        .getQueryCache()
        .getAll()
        .filter((query) => query.isActive())
        .map((query) => query.state.error ?? query.state.fetchFailureReason)
        .filter((error) => error !== null)
        .map(failure)
        .filter(({ away }) => away);
      const now = [...new Set(failed.map(({ reason }) => reason))].sort();
      setReasons((before) => (before.join() === now.join() ? before : now));
    };
    look();
    return client.getQueryCache().subscribe(() => queueMicrotask(look));
  }, [client]);
  useEffect(() => {
    if (reasons.length === 0) return;
    const asking = setInterval(() => {
      void client.refetchQueries({ type: "active", predicate: (query) => query.state.status === "error" });
    }, 3_000);
    return () => clearInterval(asking);
  }, [reasons, client]);
  return reasons.map((reason) => (
    <Alert key={reason} color="yellow" role="status" title={wordsOf(reason).title}>
      {wordsOf(reason).advice}
    </Alert>
  ));
}

/** Says where what happens elsewhere is not shown as it happens. */
function Unheard() {
  if (useLive()) return null;
  return (
    <Alert color="yellow" role="status" title={m.app_this_page_is_not_live()}>
      {m.app_it_hears_nothing()}
    </Alert>
  );
}
