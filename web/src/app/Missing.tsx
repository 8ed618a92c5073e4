import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { m } from "../gen/words/messages";
import { Page } from "../ui/Page";

export function Missing() {
  return (
    <Page title={m.app_there_is_no_such_page()}>
      <Text>
        {m.app_the_address_may_be_mistyped()}{" "}
        <Anchor renderRoot={(props) => <Link to="/" {...props} />}>{m.app_go_to_today()}</Anchor>.
      </Text>
    </Page>
  );
}
