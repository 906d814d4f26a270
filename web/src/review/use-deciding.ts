import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { told } from "../api/problem";
import type { Suspect } from "../api/queries";
import { plural } from "../ui/format";
import type { Open } from "./bar";
import type { Decision, useJudging } from "./judging";
import { BLOCK, rowsQuery } from "./queue";
import type { Position } from "./use-position";

type Said = { decision: Decision; label: string | null };
const BLIND = "In blind mode nothing is suggested: choose a class with a digit or /.";
const NO_SUGGESTION = "Nothing is suggested for this sample: choose a class with a digit or /.";
const NO_ROOM =
  "This browser has no room left to keep decisions, so not all was decided. Let it send what waits first.";

/** What can be decided of the samples in front of one, or of all that are selected; then the next one has the turn. */
export function useDeciding(
  auditId: string,
  asOf: number | null,
  ranks: Uint32Array,
  shown: Suspect | undefined,
  position: Position,
  { decide, undo }: Pick<ReturnType<typeof useJudging>, "decide" | "undo">,
  blind: boolean,
  tell: (note: string) => void,
  open: (what: Open) => void,
) {
  const queries = useQueryClient();
  const { focus, selected, pinned, goTo, clear, pin } = position;

  const rowsAt = useCallback(
    async (places: number[]): Promise<Suspect[]> => {
      const blocks = [...new Set(places.map((at) => Math.floor(at / BLOCK)))];
      const read = blocks.map((block) => queries.ensureQueryData(rowsQuery(auditId, asOf, ranks, block)));
      const found = await Promise.all(read);
      return places.flatMap((at) => found[blocks.indexOf(Math.floor(at / BLOCK))]?.[at % BLOCK] ?? []);
    },
    [auditId, asOf, queries, ranks],
  );

  const say = useCallback(
    (rows: Suspect[], saidOf: (row: Suspect) => Said | null) => {
      const decided = rows.flatMap((row) => {
        const said = saidOf(row);
        return said === null ? [] : [{ row, ...said }];
      });
      if (decided.length === 0) return tell(NO_SUGGESTION);
      try {
        decide(decided);
      } catch {
        return tell(NO_ROOM);
      }
      const left = rows.length - decided.length;
      const passed = left > 0 ? ` ${plural(left, "sample")} without a suggestion passed over.` : "";
      tell(rows.length > 1 ? `${plural(decided.length, "sample")} decided.${passed}` : "");
    },
    [decide, tell],
  );

  const judge = useCallback(
    (saidOf: (row: Suspect) => Said | null) => {
      if (pinned === null && selected.size > 0) {
        const places = [...selected].sort((one, other) => one - other);
        rowsAt(places).then(
          (rows) => say(rows, saidOf),
          (error) => tell(told(error)),
        );
        clear();
        goTo(Math.min(ranks.length - 1, (places.at(-1) ?? focus) + 1));
      } else if (shown) {
        say([shown], saidOf);
        if (pinned === null) goTo(Math.min(ranks.length - 1, focus + 1));
      }
    },
    [clear, focus, goTo, pinned, ranks.length, rowsAt, say, selected, shown, tell],
  );

  const takeBack = useCallback(() => {
    undo().then(
      (undone) => {
        tell(undone === null ? "There is nothing to undo." : `${plural(undone.count, "decision")} taken back.`);
        const at = undone?.rank == null ? -1 : ranks.indexOf(undone.rank);
        if (at >= 0) goTo(at);
      },
      (error) => tell(told(error)),
    );
  }, [goTo, ranks, tell, undo]);

  return useMemo(
    () => ({
      keep: () => judge(() => ({ decision: "keep", label: null })),
      accept: () =>
        blind
          ? tell(BLIND)
          : judge((row) => (row.suggested_label === null ? null : { decision: "relabel", label: row.suggested_label })),
      exclude: () => judge(() => ({ decision: "exclude", label: null })),
      unsure: () => judge(() => ({ decision: "unsure", label: null })),
      relabel: (label: string) =>
        judge((row) =>
          row.given_label === label ? { decision: "keep", label: null } : { decision: "relabel", label },
        ),
      undo: takeBack,
      search: () => open("classes"),
      zoom: () => open("zoom"),
      show: pin,
    }),
    [blind, judge, open, pin, takeBack, tell],
  );
}

export type Actions = ReturnType<typeof useDeciding>;
