import { Menu, useMantineColorScheme } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { m } from "../gen/words/messages";
import { leaving } from "../ui/unsaved";
import { PersonButton } from "./PersonButton";

/** The menu of whoever is signed in. It comes in the place of its button, takes the focus over from it, and opens. */
export default function PersonMenu({ signOut }: { signOut: () => void }) {
  const [opened, setOpened] = useState(false);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  useEffect(() => setOpened(true), []);
  return (
    <Menu position="bottom-end" withinPortal={false} opened={opened} onChange={setOpened}>
      <Menu.Target>
        <PersonButton autoFocus />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item renderRoot={(props) => <Link to="/account" {...props} />}>{m.app_account_and_sessions()}</Menu.Item>
        <Menu.Divider />
        {(["light", "dark", "auto"] as const).map((scheme) => (
          <Menu.Item
            key={scheme}
            onClick={() => setColorScheme(scheme)}
            aria-current={scheme === colorScheme || undefined}
          >
            {{ light: m.app_light(), dark: m.app_dark(), auto: m.app_as_the_system() }[scheme]}
            {scheme === colorScheme ? " ✓" : ""}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={leaving(signOut)}>{m.app_sign_out()}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
