import { Button, EmptyState } from "@mantine/core";

/** A list that has nothing yet: what belongs there, and how to begin, for whoever may. */
export function NoneYet(props: { title: string; what: string; verb: string; begin: (() => void) | false }) {
  return (
    <EmptyState size="sm" title={props.title} description={props.what}>
      {props.begin && (
        <EmptyState.Actions>
          <Button size="xs" onClick={props.begin}>
            {props.verb}
          </Button>
        </EmptyState.Actions>
      )}
    </EmptyState>
  );
}
