import { Kbd, Switch, Table } from "@mantine/core";
import { m } from "../gen/words/messages";

const LIST: [string[], string][] = [
  [["/"], m.app_search_on_this_page()],
  [["c"], m.app_create_where_this_page_can()],
  [["Esc"], m.app_leave_the_field()],
  [["?"], m.app_this_list()],
  [["g", "t"], m.ui_go_to_today()],
  [["g", "s"], m.app_go_to_samples()],
  [["g", "p"], m.app_go_to_projects()],
  [["g", "i"], m.app_go_to_instruments()],
  [["g", "d"], m.app_go_to_calibrations_due()],
  [["g", "r"], m.app_go_to_runs()],
  [["g", "e"], m.app_go_to_recipes()],
  [["g", "a"], m.app_go_to_the_audit_log()],
];

/** What keys do, and whether they do it. */
export default function KeyList({ on, turn }: { on: boolean; turn: (on: boolean) => void }) {
  return (
    <>
      <Switch
        label={m.app_keys_without_ctrl_or_alt()}
        checked={on}
        onChange={(event) => turn(event.currentTarget.checked)}
        mb="sm"
      />
      <Table aria-label={m.app_keys()}>
        <Table.Tbody>
          {LIST.map(([keys, what]) => (
            <Table.Tr key={what}>
              <Table.Td>
                {keys.map((key) => (
                  <Kbd key={key} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </>
  );
}
