import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef } from "react";
import { told } from "../api/problem";
import type { Suspect } from "../api/queries";
import { count, plural } from "../ui/format";
import type { Open } from "./bar";
import { BLOCK, rowsQuery } from "./queue";
import type { Decision, Undone, useSaying } from "./saying";
import type { Position } from "./use-position";

type Said = { decision: Decision; label: string | null };
const BLIND = "In blind mode nothing is suggested: choose a class with a digit or /.";
const NO_SUGGESTION = "Nothing is suggested for this sample: choose a class with a digit or /.";
const READING = "The selected samples are still being read.";
const CHANGED = "Nothing was decided: the selection changed before its samples were read.";
const noRoom = (done: number, all: number, what: string) =>
  `This browser has no room left: ${count(done)} of ${count(all)} ${what}. Let it send what waits first.`;

/** What can be decided of the samples in front of one, or of all that are selected; then the next one has the turn. */
export function useDeciding(
  auditId: string,
  asOf: number | null,
  ranks: Uint32Array,
  shown: Suspect | undefined,
  position: Position,
  { decide, undo }: Pick<ReturnType<typeof useSaying>, "decide" | "undo">,
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

  /** Whether something was decided of all of them for which it could be. */
  const say = useCallback(
    (rows: Suspect[], saidOf: (row: Suspect) => Said | null): boolean => {
      const decided = rows.flatMap((row) => {
        const said = saidOf(row);
        return said === null ? [] : [{ row, ...said }];
      });
      let done: number;
      try {
        done = decide(decided);
      } catch (error) {
        tell(`This could not be kept: ${told(error)}`);
        throw error;
      }
      const left = rows.length - decided.length;
      const passed = left > 0 ? ` ${plural(left, "sample")} without a suggestion passed over.` : "";
      if (decided.length === 0) tell(NO_SUGGESTION);
      else if (done < decided.length) tell(noRoom(done, decided.length, "are decided"));
      else tell(rows.length > 1 ? `${plural(done, "sample")} decided.${passed}` : "");
      return done > 0 && done === decided.length;
    },
    [decide, tell],
  );

  // Rows that are not here are read first; meanwhile somebody may have let go of the selection.
  const now = useRef(selected);
  now.current = selected;
  const reading = useRef(false);
  const judgeSelected = useCallback(
    async (saidOf: (row: Suspect) => Said | null) => {
      if (reading.current) return tell(READING);
      const places = [...selected].sort((one, other) => one - other);
      reading.current = true;
      const read = await rowsAt(places).then(
        (rows) => ({ rows }),
        (error: unknown) => ({ error }),
      );
      reading.current = false;
      if ("error" in read) return tell(`Nothing was decided: ${told(read.error)}`);
      if (now.current !== selected) return tell(CHANGED);
      if (!say(read.rows, saidOf)) return;
      clear();
      goTo(Math.min(ranks.length - 1, (places.at(-1) ?? 0) + 1));
    },
    [clear, goTo, ranks.length, rowsAt, say, selected, tell],
  );

  const judge = useCallback(
    (saidOf: (row: Suspect) => Said | null) => {
      if (pinned === null && selected.size > 0) void judgeSelected(saidOf);
      else if (shown && say([shown], saidOf) && pinned === null) goTo(Math.min(ranks.length - 1, focus + 1));
    },
    [focus, goTo, judgeSelected, pinned, ranks.length, say, selected, shown],
  );

  const takeBack = useCallback(() => {
    undo().then(
      (undone) => {
        tell(undone === null ? "There is nothing to undo." : takenBack(undone));
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

function takenBack({ count: done, left }: Undone): string {
  if (left > 0) return noRoom(done, done + left, "are taken back");
  return done === 0 ? "All of it was taken back before." : `${plural(done, "decision")} taken back.`;
}

export type Actions = ReturnType<typeof useDeciding>;
