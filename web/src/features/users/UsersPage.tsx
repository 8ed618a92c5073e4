import { Button, Group, NativeSelect, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { Role, type User } from "../../gen/spectra/auth/v1/auth_pb";
import { m } from "../../gen/words/messages";
import { useCan, useMe } from "../../rpc/me";
import { roleName } from "../../rpc/names";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { ConfirmedAction } from "../../ui/ConfirmedAction";
import { useBase } from "../../ui/Conflict";
import { Dialog } from "../../ui/Dialog";
import { ErrorView } from "../../ui/ErrorView";
import { FormShell } from "../../ui/FormShell";
import { all, matches } from "../../ui/filter";
import { type Column, ListTable, Search, useListTable } from "../../ui/ListTable";
import { NoneYet } from "../../ui/NoneYet";
import { Page } from "../../ui/Page";
import { State } from "../../ui/State";
import { Time } from "../../ui/Time";
import { leaving, useUnsaved } from "../../ui/unsaved";

const key = ["users"];
const ROLES = [Role.VIEWER, Role.TECHNICIAN, Role.ENGINEER, Role.PI, Role.ADMIN];

function roles() {
  return ROLES.map((role) => (
    <option key={role} value={role}>
      {roleName(role)}
    </option>
  ));
}

const COLUMNS: Column<User>[] = [
  { name: "name", title: m.ui_name(), sort: "display_name", cell: (user) => user.displayName },
  { name: "e_mail", title: m.ui_e_mail(), sort: "email", cell: (user) => user.email },
  { name: "role", title: m.ui_role(), cell: (user) => roleName(user.role) },
  {
    name: "state",
    title: m.ui_state(),
    cell: (user) => (
      <State tone={user.disabledAt ? "quiet" : "good"}>{user.disabledAt ? m.users_disabled() : m.users_active()}</State>
    ),
  },
  {
    name: "since",
    title: m.users_since(),
    wide: true,
    sort: "created_at",
    cell: (user) => <Time at={user.createdAt} to="day" />,
  },
  { name: "actions", title: m.ui_actions(), cell: (user) => <UserActions user={user} /> },
];

export default function UsersPage() {
  const may = useCan()("users.write");
  const [opened, { open, close }] = useDisclosure();
  const list = useListTable<User>({
    key,
    order: "email",
    followed: true,
    filter: ({ q, role }) => all(matches(q, "email", "display_name"), role && `role = ${role}`),
    fetch: async (asked, signal) => {
      const answer = await rpc.users.listUsers(asked, { signal });
      return { rows: answer.users, next: answer.nextPageToken };
    },
  });
  return (
    <Page
      title={m.users_people()}
      actions={
        <Action data-key="create" disabledReason={unless(may, m.users_add_people())} onClick={open}>
          {m.users_add_somebody()}
        </Action>
      }
    >
      <ListTable
        label={m.users_people()}
        list={list}
        filters={
          <>
            <Search list={list} label={m.users_search_people()} />
            <NativeSelect
              aria-label={m.ui_role()}
              value={list.search.role ?? ""}
              onChange={(event) => list.ask({ role: event.currentTarget.value })}
            >
              <option value="">{m.users_every_role()}</option>
              {ROLES.map((role) => (
                <option key={role} value={Role[role]}>
                  {roleName(role)}
                </option>
              ))}
            </NativeSelect>
          </>
        }
        columns={COLUMNS}
        empty={
          <NoneYet
            title={m.users_nobody_here()}
            what={m.users_what_people_are_for()}
            verb={m.users_add_somebody()}
            begin={may && open}
          />
        }
      />
      <Dialog opened={opened} close={close} title={m.users_add_somebody()}>
        <NewUser close={close} />
      </Dialog>
    </Page>
  );
}

/** What is known of somebody, as it is typed. */
interface Known {
  displayName: string;
  email: string;
  role: string;
}

interface Values extends Known {
  password: string;
}

function NewUser({ close }: { close: () => void }) {
  const form = useForm<Values>({
    defaultValues: { displayName: "", email: "", role: String(Role.VIEWER), password: "" },
  });
  const create = useChange(
    ({ password, role, ...user }: Values) => rpc.users.createUser({ user: { ...user, role: Number(role) }, password }),
    {
      once: true,
      touches: [key, ["audit"]],
      done: () => {
        form.reset();
        close();
      },
    },
  );
  const { register, formState } = form;
  return (
    <FormShell
      form={form}
      change={create}
      verb={m.users_add()}
      submit={(values) => create.mutate(values)}
      cancel={close}
    >
      <TextInput
        label={m.ui_name()}
        required
        data-autofocus
        {...register("displayName", { required: m.users_it_is_shown_on_what_they() })}
        error={formState.errors.displayName?.message}
      />
      <TextInput
        label={m.ui_e_mail()}
        type="email"
        required
        {...register("email", { required: m.users_they_sign_in_with_it() })}
        error={formState.errors.email?.message}
      />
      <NativeSelect label={m.ui_role()} {...register("role")} error={formState.errors.role?.message}>
        {roles()}
      </NativeSelect>
      <PasswordInput
        label={m.users_first_password()}
        description={m.users_they_change_it_under_their_name()}
        required
        autoComplete="new-password"
        {...register("password", { required: m.users_they_need_one_to_begin_with() })}
        error={formState.errors.password?.message}
      />
    </FormShell>
  );
}

function UserActions({ user }: { user: User }) {
  const may = useCan()("users.write");
  const [editing, edit] = useDisclosure();
  const [resetting, reset] = useDisclosure();
  const why = unless(may, m.users_change_people());
  return (
    <Group gap={4} wrap="nowrap">
      <Action
        size="compact-xs"
        variant="default"
        disabledReason={why}
        onClick={edit.open}
        aria-label={m.users_edit_named({ name: user.displayName })}
      >
        {m.users_edit()}
      </Action>
      <Action
        size="compact-xs"
        variant="default"
        disabledReason={why}
        onClick={reset.open}
        aria-label={m.users_new_password_for({ name: user.displayName })}
      >
        {m.ui_password()}
      </Action>
      <Disabling user={user} why={why} />
      {/* They stay when they are closed, so that the focus goes back; what is in them begins anew. */}
      <Dialog opened={editing} close={edit.close} title={m.users_edit_named({ name: user.displayName })}>
        <EditUser user={user} close={edit.close} />
      </Dialog>
      <Dialog opened={resetting} close={reset.close} title={m.users_new_password_for({ name: user.displayName })}>
        <NewPassword user={user} close={reset.close} />
      </Dialog>
    </Group>
  );
}

function Disabling({ user, why }: { user: User; why: string | undefined }) {
  const me = useMe().data?.user?.id;
  const disabled = user.disabledAt !== undefined;
  const verb = disabled ? m.users_enable() : m.users_disable();
  const change = useChange(
    ({ back, ...asked }: { back: boolean; id: string; etag: string; reason: string }, requestId) => {
      const request = { ...asked, requestId };
      return back ? rpc.users.enableUser(request).then(() => {}) : rpc.users.disableUser(request).then(() => {});
    },
    { touches: [key, ["audit"]] },
  );
  return (
    <ConfirmedAction
      verb={verb}
      label={m.users_do_with({ verb, name: user.displayName })}
      small
      disabledReason={why ?? (user.id === me ? m.users_that_is_you() : undefined)}
      title={m.ui_question({ verb, what: user.displayName })}
      reason={m.ui_reason()}
      reasonRequired
      danger={!disabled}
      change={change}
      input={(reason) => ({ back: disabled, id: user.id, etag: user.etag, reason })}
    >
      {disabled ? m.users_they_can_sign_in_again() : m.users_they_are_signed_out_everywhere_within()}
    </ConfirmedAction>
  );
}

function knownOf({ displayName, email, role }: User): Known {
  return { displayName, email, role: String(role) };
}

function EditUser({ user, close }: { user: User; close: () => void }) {
  const form = useForm<Known>({ defaultValues: knownOf(user) });
  const update = useChange(
    ({ values: { role, ...values }, etag }: { values: Known; etag: string }, requestId) =>
      rpc.users.updateUser({
        user: { id: user.id, etag, role: Number(role), ...values },
        updateMask: { paths: ["display_name", "email", "role"] },
        requestId,
      }),
    { touches: [key, ["me"], ["audit"]], done: close },
  );
  const { base, conflict } = useBase({
    stored: user,
    valuesOf: knownOf,
    fields: { displayName: m.ui_name(), email: m.ui_e_mail(), role: m.ui_role() },
    show: { role: (role) => roleName(Number(role)) },
    typed: form.getValues,
    fill: form.reset,
    change: update,
  });
  const { register, formState } = form;
  return (
    <FormShell
      form={form}
      change={update}
      verb={m.ui_save()}
      submit={(values) => update.mutate({ values, etag: base.etag })}
      cancel={close}
      conflict={conflict}
    >
      <TextInput
        label={m.ui_name()}
        required
        {...register("displayName")}
        error={formState.errors.displayName?.message}
      />
      <TextInput label={m.ui_e_mail()} required {...register("email")} error={formState.errors.email?.message} />
      <NativeSelect
        label={m.ui_role()}
        description={m.users_another_role_signs_them_out()}
        {...register("role")}
        error={formState.errors.role?.message}
      >
        {roles()}
      </NativeSelect>
    </FormShell>
  );
}

function NewPassword({ user, close }: { user: User; close: () => void }) {
  const [password, setPassword] = useState("");
  const [reason, setReason] = useState("");
  useUnsaved(password !== "" || reason !== "");
  const change = useChange((newPassword: string) => rpc.users.resetUserPassword({ id: user.id, newPassword, reason }), {
    once: true,
    touches: [["audit"]],
    done: close,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate(password);
      }}
    >
      <Stack>
        <PasswordInput
          label={m.users_new_password()}
          required
          autoComplete="new-password"
          data-autofocus
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <TextInput
          label={m.ui_reason()}
          required
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {change.error ? <ErrorView error={change.error} /> : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={leaving(close)}>
            {m.ui_cancel()}
          </Button>
          <Button type="submit" loading={change.isPending}>
            {m.users_set_the_password()}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
