import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Button, Group, PasswordInput, Skeleton, Stack, Table, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useContext, useEffect } from "react";
import { useForm } from "react-hook-form";
import { m } from "../../gen/words/messages";
import { failure } from "../../rpc/failure";
import { useMe } from "../../rpc/me";
import { roleName } from "../../rpc/names";
import { FOLLOWED, newId, useChange } from "../../rpc/query";
import { session } from "../../rpc/session";
import { rpc } from "../../rpc/transport";
import { ErrorView } from "../../ui/ErrorView";
import { Facts } from "../../ui/Facts";
import { Page, Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { formatTime, Time, ZoneContext } from "../../ui/Time";
import { useUnsaved } from "../../ui/unsaved";
import { agentName } from "./agent";

const key = ["sessions"];
const PAGE = { pageSize: 100, orderBy: "last_used_at desc" };

/** Ends the person's sessions, this one last. */
async function signOutEverywhere(): Promise<void> {
  const others: string[] = [];
  let pageToken = "";
  do {
    const { sessions, nextPageToken } = await rpc.auth.listSessions({ ...PAGE, pageToken });
    others.push(...sessions.filter(({ current }) => !current).map(({ id }) => id));
    pageToken = nextPageToken;
  } while (pageToken);
  for (const id of others) await rpc.auth.revokeSession({ id, requestId: newId() });
  await session.signOut();
}

export default function AccountPage() {
  const me = useMe();
  const user = me.data?.user;
  return (
    <Page title={m.account_account_and_sessions()}>
      <Facts
        of={[
          [m.ui_name(), user?.displayName],
          [m.ui_e_mail(), user?.email],
          [m.ui_role(), user ? roleName(user.role) : ""],
          [m.account_organization(), me.data?.organization?.name],
        ]}
      />
      <Sessions />
      <Password />
    </Page>
  );
}

function Sessions() {
  const zone = useContext(ZoneContext);
  const query = useQuery({
    queryKey: key,
    ...FOLLOWED,
    queryFn: async ({ signal }) => (await rpc.auth.listSessions(PAGE, { signal })).sessions,
  });
  const end = useChange((id: string, requestId) => rpc.auth.revokeSession({ id, requestId }), { touches: [key] });
  const everywhere = useMutation({ mutationFn: signOutEverywhere });
  return (
    <Section
      title={m.account_where_you_are_signed_in()}
      actions={
        <Button variant="default" size="xs" loading={everywhere.isPending} onClick={() => everywhere.mutate()}>
          {m.account_sign_out_everywhere()}
        </Button>
      }
    >
      {query.error && !query.data ? <ErrorView error={query.error} again={() => query.refetch()} /> : null}
      {end.error ? <ErrorView error={end.error} /> : null}
      {everywhere.error ? <ErrorView error={everywhere.error} /> : null}
      {query.data ? (
        <Table aria-label={m.account_sessions()} verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{m.account_signed_in()}</Table.Th>
              <Table.Th>{m.account_last_used()}</Table.Th>
              <Table.Th>{m.account_with()}</Table.Th>
              <Table.Th>{m.account_from()}</Table.Th>
              <Table.Th>{m.account_end()}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {query.data.map((one) => (
              <Table.Tr key={one.id}>
                <Table.Td>
                  <Time at={one.createdAt} />
                </Table.Td>
                <Table.Td>
                  <Time at={one.lastUsedAt} />
                </Table.Td>
                <Table.Td title={one.userAgent}>{agentName(one.userAgent) || "–"}</Table.Td>
                <Table.Td>{one.address || "–"}</Table.Td>
                <Table.Td>
                  {one.current ? (
                    <State tone="good">{m.account_this_one()}</State>
                  ) : (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={m.account_end_the_one_of({
                        time: formatTime(one.createdAt ? timestampDate(one.createdAt) : new Date(0), zone),
                        address: one.address || "–",
                      })}
                      onClick={() => end.mutate(one.id)}
                    >
                      {m.account_end_it()}
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      ) : (
        <Skeleton height={80} />
      )}
    </Section>
  );
}

interface Values {
  currentPassword: string;
  newPassword: string;
}

function Password() {
  const form = useForm<Values>({ defaultValues: { currentPassword: "", newPassword: "" } });
  const change = useChange((values: Values) => rpc.auth.changePassword(values), {
    once: true,
    touches: [key],
    done: () => form.reset(),
  });
  const { register, formState } = form;
  useUnsaved(formState.isDirty);
  const refusal = change.error ? failure(change.error) : undefined;
  // At the sign-in the same reason speaks of name and password; here it is this field alone.
  const mistyped = refusal?.reason === "CREDENTIALS_INVALID";
  useEffect(() => {
    if (mistyped) form.setError("currentPassword", { message: m.account_this_is_not_your_password() });
  }, [mistyped, form.setError]);
  return (
    <Section title={m.ui_password()}>
      <form onSubmit={form.handleSubmit((values) => change.mutate(values))}>
        <Stack maw={360}>
          <PasswordInput
            label={m.account_current_password()}
            autoComplete="current-password"
            {...register("currentPassword", { required: m.account_it_is_the_proof() })}
            error={formState.errors.currentPassword?.message}
          />
          <PasswordInput
            label={m.account_new_password()}
            description={m.account_four_unrelated_words_do_well()}
            autoComplete="new-password"
            {...register("newPassword", { required: m.account_what_shall_it_be() })}
            error={formState.errors.newPassword?.message}
          />
          {change.error && !mistyped ? <ErrorView error={change.error} /> : null}
          {change.isSuccess && (
            <Text size="sm" role="status">
              {m.account_changed_your_other_sessions_have_ended()}
            </Text>
          )}
          <Group>
            <Button type="submit" loading={change.isPending}>
              {m.account_change_the_password()}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
