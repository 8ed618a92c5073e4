import { Button, type ButtonProps, Text } from "@mantine/core";
import type { ComponentProps } from "react";
import { useMe } from "../rpc/me";
import { roleName } from "../rpc/names";

/** Who one is. */
export function PersonButton(props: ButtonProps & ComponentProps<"button">) {
  const user = useMe().data?.user;
  return (
    <Button variant="subtle" color="gray" c="inherit" rightSection={<span aria-hidden="true">▾</span>} {...props}>
      {user?.displayName ?? "…"}
      <Text span size="xs" c="dimmed" ml="xs">
        {user ? roleName(user.role) : ""}
      </Text>
    </Button>
  );
}
