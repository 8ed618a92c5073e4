import { Kbd, Modal, Switch, Table } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { m } from "../gen/words/messages";

const GO = {
  t: "/",
  s: "/samples",
  p: "/projects",
  i: "/instruments",
  d: "/due",
  r: "/runs",
  e: "/recipes",
  a: "/audit",
} as const;

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

/**
 * Keys, and the list of them. None counts where somebody is writing, nor where somebody has turned them off, who may speak to
 * the computer or press keys unawares (WCAG 2.1.4).
 */
export function Keys({ opened, open, close }: { opened: boolean; open: () => void; close: () => void }) {
  const [on, setOn] = useLocalStorage({ key: "keys", defaultValue: true, getInitialValueInEffect: false });
  const navigate = useNavigate();
  const going = useRef(0);
  useEffect(() => {
    function pressed(event: KeyboardEvent) {
      const at = event.target as HTMLElement;
      const writing = at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
      // Whoever leaves a field by Escape can use the keys again.
      if (writing && event.key === "Escape" && !document.querySelector("[role=dialog]")) at.blur();
      if (!on || writing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("[role=dialog]"))
        return;
      const place = GO[event.key as keyof typeof GO];
      if (place && Date.now() - going.current < 1_500) {
        going.current = 0;
        event.preventDefault();
        return void navigate({ to: place });
      }
      if (event.key === "g") going.current = Date.now();
      if (event.key === "?") open();
      const wanted = { "/": "search", c: "create" }[event.key];
      const element = wanted && document.querySelector<HTMLElement>(`[data-key=${wanted}]`);
      if (element) {
        event.preventDefault();
        if (wanted === "search") element.focus();
        else element.click();
      }
    }
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [navigate, open, on]);
  return (
    <Modal opened={opened} onClose={close} title={m.app_keys()} closeButtonProps={{ "aria-label": m.ui_close() }}>
      <Switch
        label={m.app_keys_without_ctrl_or_alt()}
        checked={on}
        onChange={(event) => setOn(event.currentTarget.checked)}
        mb="sm"
      />
      <Table>
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
    </Modal>
  );
}
