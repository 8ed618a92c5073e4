import { Anchor, Button, Card, Center, Divider, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { m } from "../gen/words/messages";
import { useKnownMe } from "../rpc/me";
import { queryClient } from "../rpc/query";
import { session } from "../rpc/session";
import { ErrorView } from "../ui/ErrorView";

const DEMO = [
  ["engineer@demo.lab", "eng123", m.rpc_role_engineer(), m.app_demo_engineer()],
  ["tech@demo.lab", "tech123", m.rpc_role_technician(), m.app_demo_technician()],
  ["pi@demo.lab", "pi123", m.rpc_role_pi(), m.app_demo_pi()],
  ["admin@demo.lab", "admin123", m.rpc_role_admin(), m.app_demo_admin()],
  ["viewer@demo.lab", "view123", m.rpc_role_viewer(), m.app_demo_viewer()],
] as const;

/** The server says in the page whether it is a development laboratory; only there do the demo accounts exist. */
function demo(): boolean {
  return document.querySelector<HTMLMetaElement>("meta[name=spectra-demo]")?.content === "true";
}

/** The sign-in; `again` for one whose session has ended: the page beneath stays. */
export function SignIn({ again = false }: { again?: boolean }) {
  // Who it was, the page still knows.
  const known = useKnownMe()?.user?.email;
  const [username, setUsername] = useState((again && known) || "");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (!again) document.title = m.ui_tab({ title: m.app_sign_in() });
  }, [again]);

  async function enter(name: string, secret: string) {
    setBusy(true);
    setError(undefined);
    // Another person may come: nothing of the one before is shown.
    if (!again) queryClient.clear();
    await session
      .signIn(name, secret)
      .then(() => (again ? queryClient.invalidateQueries() : undefined))
      .catch(setError);
    setBusy(false);
  }

  const form = (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void enter(username.trim(), password);
      }}
    >
      <Stack>
        {again && <Text size="sm">{m.app_what_you_entered_is_still_here()}</Text>}
        <TextInput
          label={m.ui_e_mail()}
          type="email"
          autoComplete="username"
          required
          data-autofocus
          autoFocus
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <PasswordInput
          label={m.ui_password()}
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {error ? <ErrorView error={error} /> : null}
        <Button type="submit" loading={busy} fullWidth>
          {m.app_sign_in()}
        </Button>
        {again && (
          <Anchor component="button" type="button" size="sm" onClick={() => session.leave()}>
            {m.app_sign_in_as_somebody_else()}
          </Anchor>
        )}
        {!again && demo() && (
          <>
            <Divider label={m.app_or_as_somebody_of_the_demo()} labelPosition="center" />
            <Stack gap={6}>
              {DEMO.map(([name, secret, role, does]) => (
                <Button
                  key={name}
                  variant="default"
                  justify="space-between"
                  onClick={() => void enter(name, secret)}
                  rightSection={
                    <Text size="xs" c="dimmed">
                      {does}
                    </Text>
                  }
                >
                  {role}
                </Button>
              ))}
            </Stack>
          </>
        )}
      </Stack>
    </form>
  );
  if (again) return form;
  return (
    <Center mih="100vh" component="main" p="md">
      <Card withBorder w={520} maw="100%" padding="xl">
        <Stack>
          <div>
            <Title order={1} size="h2">
              SPECTRA-Lab
            </Title>
            <Text size="sm" c="dimmed">
              {m.app_what_it_is_for()}
            </Text>
          </div>
          {form}
        </Stack>
      </Card>
    </Center>
  );
}
