import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { m } from "../gen/words/messages";
import { Page } from "./Page";

export function Missing() {
  return (
    <Page title={m.ui_there_is_no_such_page()}>
      <Text>
        {m.ui_the_address_may_be_mistyped()}{" "}
        <Anchor renderRoot={(props) => <Link to="/" {...props} />}>{m.ui_go_to_today()}</Anchor>.
      </Text>
    </Page>
  );
}
