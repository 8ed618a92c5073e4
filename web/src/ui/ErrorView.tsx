import { Alert, Button, Code, Group, Stack, Text } from "@mantine/core";
import { m } from "../gen/words/messages";
import { failure } from "../rpc/failure";
import { wordsOf } from "./reasons";

/** An error in words that a person can act on, with the request id by which operators find it. */
export function ErrorView({ error, again }: { error: unknown; again?: () => void }) {
  const { reason, message, requestId, away } = failure(error);
  const words = wordsOf(reason);
  return (
    <Alert color={away ? "yellow" : "red"} variant="light" title={words.title} role="alert">
      <Stack gap="xs">
        <Text size="sm">{words.advice}</Text>
        {message && (
          <Text size="sm" c="dimmed">
            {message}
          </Text>
        )}
        <Group justify="space-between">
          {requestId ? (
            <Text size="xs" c="dimmed">
              {m.ui_request()} <Code>{requestId}</Code>
            </Text>
          ) : (
            <span />
          )}
          {again && (
            <Button size="xs" variant="default" onClick={again}>
              {m.ui_try_again()}
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}
