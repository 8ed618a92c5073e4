import {
  Button,
  EmptyState,
  Group,
  Menu,
  Skeleton,
  Table,
  TextInput,
  type TextInputProps,
  UnstyledButton,
} from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { keepPreviousData, type QueryKey, useQuery } from "@tanstack/react-query";
import { useNavigate, useRouterState, useSearch } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { m } from "../gen/words/messages";
import { FOLLOWED } from "../rpc/query";
import { ErrorView } from "./ErrorView";
import classes from "./ListTable.module.css";
import { isUnsaved } from "./unsaved";

export const PAGE_SIZE = 50;
const NARROW = "(max-width: 1000px)";

/** What a list's page has in its URL. */
export interface ListSearch {
  /** Words that are looked for. */
  q?: string;
  /** As `order_by`, such as `created_at desc`. */
  sort?: string;
  /** Token of the page. */
  page?: string;
  /** Names of the columns that are wanted, with dots between; those that fit the screen without. */
  columns?: string;
  [filter: string]: string | undefined;
}

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** Tokens of the pages of the list that were turned to get here, the first page's "" first. */
    turned?: string[];
  }
}

export interface Column<Row> {
  /** As it is called in the URL. */
  name: string;
  title: string;
  cell: (row: Row) => ReactNode;
  /** Name of the field to sort by; absent where the list cannot. */
  sort?: string;
  /** Numbers stand to the right. */
  numeric?: boolean;
  /** Codes are read as one word. */
  code?: boolean;
  /** Left out on a narrow screen. */
  wide?: boolean;
}

export interface Asked {
  filter: string;
  orderBy: string;
  pageToken: string;
  pageSize: number;
}

/** A list of the server: its paging, filter and order are in the URL, so that a page can be sent to somebody. */
export function useListTable<Row>(options: {
  key: QueryKey;
  filter: (search: ListSearch) => string;
  fetch: (asked: Asked, signal: AbortSignal, search: ListSearch) => Promise<{ rows: Row[]; next: string }>;
  order: string;
  /** Where no watch tells of what is listed. */
  followed?: boolean;
}) {
  const search = useSearch({ strict: false }) as ListSearch;
  const navigate = useNavigate();
  const asked: Asked = {
    filter: options.filter(search),
    orderBy: search.sort ?? options.order,
    pageToken: search.page ?? "",
    pageSize: PAGE_SIZE,
  };
  const { columns: _, ...wanted } = search;
  const query = useQuery({
    // A row whose dialog is being written in stays where it is.
    ...(options.followed ? { refetchInterval: () => (isUnsaved() ? false : FOLLOWED.refetchInterval) } : {}),
    queryKey: [...options.key, "list", asked, wanted],
    queryFn: ({ signal }) => options.fetch(asked, signal, search),
    placeholderData: keepPreviousData,
  });
  const turned = useRouterState({ select: ({ location }) => location.state.turned ?? [] });
  /** Shows a page of the list; of `behind`, the pages before it, the next visit knows the way back. */
  const turn = (page: string, behind: string[]) =>
    navigate({
      to: ".",
      search: (old: ListSearch) => clean({ ...old, page }),
      state: { turned: behind },
    } as never);
  /** Changes how the list is shown; the page stays. */
  const show = (change: Pick<ListSearch, "columns">) =>
    navigate({
      to: ".",
      search: (old: ListSearch) => clean({ ...old, ...change }),
      state: true,
      replace: true,
      resetScroll: false,
    } as never);
  /** Changes something of what is asked for; then the first page is shown. */
  const ask = (change: Partial<ListSearch>, replace = false) =>
    navigate({
      to: ".",
      search: (old: ListSearch) => clean({ ...old, page: undefined, ...change }),
      replace,
    } as never);
  /** Forgets all that was asked for. */
  const restart = () => navigate({ to: ".", search: {} } as never);
  return { query, search, ask, show, turn, turned, restart, order: asked.orderBy };
}

function clean(search: ListSearch): ListSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value));
}

type List<Row> = ReturnType<typeof useListTable<Row>>;

/** Why there is nothing: what was looked for or chosen is not there, or nothing is there yet. */
function Empty<Row>({ list, children }: { list: List<Row>; children: ReactNode }) {
  const { q, sort: _, page: __, columns: ___, ...chosen } = list.search;
  if (!q && Object.keys(chosen).length === 0) return children;
  return (
    <EmptyState size="sm" description={q ? m.ui_nothing_found({ words: q }) : m.ui_nothing_as_chosen()}>
      <EmptyState.Actions>
        <Button size="xs" variant="default" onClick={() => void list.restart()}>
          {m.ui_show_the_whole_list()}
        </Button>
      </EmptyState.Actions>
    </EmptyState>
  );
}

/** The one table: sorted by its heads, paged below, its columns chosen, honest about loading and emptiness. */
export function ListTable<Row extends { id: string }>(props: {
  label: string;
  list: List<Row>;
  /** What narrows it down. */
  filters: ReactNode;
  columns: Column<Row>[];
  /** What to show where there is nothing, and what to do about it. */
  empty: ReactNode;
}) {
  const { list, label } = props;
  const { query, search, ask, show, order } = list;
  const narrow = useMediaQuery(NARROW, false, { getInitialValueInEffect: false });
  const columns = shownOf(props.columns, search.columns, narrow);
  const rows = query.data?.rows;
  if (query.error && !rows)
    return (
      <>
        <ErrorView error={query.error} again={() => query.refetch()} />
        {Object.keys(search).length > 0 && (
          <Button mt="sm" variant="default" onClick={() => void list.restart()}>
            {m.ui_show_the_whole_list()}
          </Button>
        )}
      </>
    );
  return (
    <div className={classes.box} aria-busy={query.isFetching}>
      <Group justify="space-between" align="flex-end">
        <Group align="flex-end">{props.filters}</Group>
        <Columns
          columns={props.columns}
          shown={columns}
          chosen={search.columns !== undefined}
          choose={(names) => void show({ columns: names?.join(".") })}
        />
      </Group>
      {query.error && <ErrorView error={query.error} again={() => query.refetch()} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section className={classes.scroll} aria-label={label} tabIndex={0}>
        <Table highlightOnHover verticalSpacing="xs" aria-label={label}>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Head key={column.name} column={column} order={order} sort={(sort) => ask({ sort })} />
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows
              ? rows.map((row) => (
                  <Table.Tr key={row.id}>
                    {columns.map((column) => (
                      <Table.Td key={column.name} className={classOf(column)}>
                        {column.cell(row)}
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))
              : [1, 2, 3, 4, 5, 6].map((line) => (
                  <Table.Tr key={line}>
                    {columns.map((column) => (
                      <Table.Td key={column.name} className={classOf(column)}>
                        <Skeleton height={14} />
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
          </Table.Tbody>
        </Table>
        {rows?.length === 0 && (
          <div className={classes.empty}>
            <Empty list={list}>{props.empty}</Empty>
          </div>
        )}
      </section>
      <Pages list={list} />
    </div>
  );
}

/** The columns that are shown: those that were chosen, or those that the screen has room for. */
export function shownOf<Row>(columns: Column<Row>[], chosen: string | undefined, narrow: boolean): Column<Row>[] {
  const names = chosen?.split(".");
  const wanted = columns.filter(({ name }) => names?.includes(name));
  return wanted.length > 0 ? wanted : columns.filter(({ wide }) => !(narrow && wide));
}

/** Leads to the pages beside this one. Tokens lead only on: the way back is what the history has of it. */
function Pages<Row>({ list }: { list: List<Row> }) {
  const { query, search, turn, turned } = list;
  const next = query.data?.next;
  if (!search.page && !next) return null;
  // Whoever came by a link has turned no pages.
  const before = turned.at(-1);
  return (
    <Group gap="xs" component="nav" aria-label={m.ui_pages()}>
      <Button variant="default" size="xs" disabled={!search.page} onClick={() => turn("", [])}>
        {m.ui_first_page()}
      </Button>
      <Button
        variant="default"
        size="xs"
        disabled={!search.page || before === undefined}
        onClick={() => turn(before ?? "", turned.slice(0, -1))}
      >
        {m.ui_previous_page()}
      </Button>
      <Button
        variant="default"
        size="xs"
        disabled={!next || query.isPlaceholderData}
        onClick={() => turn(next ?? "", [...turned, search.page ?? ""])}
      >
        {m.ui_next_page()}
      </Button>
    </Group>
  );
}

/** Lets people choose what they see. */
function Columns<Row>(props: {
  columns: Column<Row>[];
  shown: Column<Row>[];
  chosen: boolean;
  choose: (names: string[] | undefined) => void;
}) {
  const shown = props.shown.map(({ name }) => name);
  const toggle = (name: string) =>
    props.choose(
      props.columns
        .map((column) => column.name)
        .filter((other) => (other === name ? !shown.includes(name) : shown.includes(other))),
    );
  return (
    <Menu position="bottom-end" withinPortal={false} withInitialFocusPlaceholder={false} closeOnItemClick={false}>
      <Menu.Target>
        <Button variant="default" fw={400} ml="auto" rightSection={<span aria-hidden="true">▾</span>}>
          {m.ui_columns()}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {props.columns.map(({ name, title }) => (
          <Menu.CheckboxItem
            key={name}
            checked={shown.includes(name)}
            // Something is always shown.
            disabled={shown.length === 1 && shown.includes(name)}
            onChange={() => toggle(name)}
          >
            {title}
          </Menu.CheckboxItem>
        ))}
        <Menu.Divider />
        <Menu.Item disabled={!props.chosen} onClick={() => props.choose(undefined)}>
          {m.ui_columns_that_fit()}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function classOf<Row>(column: Column<Row>): string | undefined {
  return column.numeric ? classes.numeric : column.code ? classes.code : undefined;
}

function Head<Row>({ column, order, sort }: { column: Column<Row>; order: string; sort: (order: string) => void }) {
  const [field, direction] = order.split(" ");
  const sorted = column.sort !== undefined && column.sort === field;
  const descending = sorted && direction === "desc";
  const className = classOf(column);
  if (column.sort === undefined) return <Table.Th className={className}>{column.title}</Table.Th>;
  return (
    <Table.Th className={className} aria-sort={sorted ? (descending ? "descending" : "ascending") : "none"}>
      <UnstyledButton
        className={classes.head}
        onClick={() => sort(sorted && !descending ? `${column.sort} desc` : (column.sort ?? ""))}
      >
        {column.title} <span aria-hidden="true">{sorted ? (descending ? "↓" : "↑") : "↕"}</span>
      </UnstyledButton>
    </Table.Th>
  );
}

type Asking = { search: ListSearch; ask: List<never>["ask"] };

/** A field of what is asked for. What is typed stands there at once; the address follows after a pause. */
export function AskedText({ list, name, ...input }: { list: Asking; name: string } & Omit<TextInputProps, "list">) {
  const said = list.search[name] ?? "";
  const [text, setText] = useState(said);
  const sent = useRef(said);
  const ask = useRef(list.ask);
  ask.current = list.ask;
  useEffect(() => {
    // What comes back from the address is not news: more may have been typed since.
    if (said === sent.current) return;
    sent.current = said;
    setText(said);
  }, [said]);
  useEffect(() => {
    if (text === sent.current) return;
    const soon = setTimeout(() => {
      sent.current = text;
      void ask.current({ [name]: text }, true);
    }, 250);
    return () => clearTimeout(soon);
  }, [text, name]);
  return <TextInput {...input} value={text} onChange={(event) => setText(event.currentTarget.value)} />;
}

/** The field that words are looked for in. `/` leads to it. */
export function Search({ list, label }: { list: Asking; label: string }) {
  return (
    <AskedText list={list} name="q" type="search" aria-label={label} placeholder={label} data-key="search" w={280} />
  );
}
