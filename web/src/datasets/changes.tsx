import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { count, plural } from "../ui/format";
import { Button, Failed, Head, Loading } from "../ui/parts";
import { becameOf, pictureOf } from "./family";
import { type Changed, changesQuery, type Difference } from "./queries";

const SIDE = 128;
const MOVES = 8;

/** How a version differs from the one that it was made from; asked for when it is opened. */
export function Changes({ from, to }: { from: string; to: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="changes" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What changed</summary>
      {open && <Told from={from} to={to} />}
    </details>
  );
}

function Told({ from, to }: { from: string; to: string }) {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(
    changesQuery(from, to),
  );
  const told = data?.pages[0];
  if (!told) return error ? <Failed error={error} again={() => void refetch()} /> : <Loading what="what changed" />;
  const rows = data.pages.flatMap((page) => page.data);
  const all = told.relabelled + told.excluded + told.restored;
  return (
    <div className="changes-told">
      <p>
        {count(told.relabelled)} relabelled, {count(told.excluded)} excluded, {count(told.restored)} restored
      </p>
      {told.moves.length > 0 && <Moves moves={told.moves} />}
      <ul className="groups" aria-label="Changed samples">
        {rows.map((row) => (
          <Sample key={row.sample} row={row} picture={pictureOf(row, from, to)} />
        ))}
      </ul>
      {error && <Failed error={error} again={() => void fetchNextPage()} />}
      {hasNextPage && (
        <div className="row">
          <Button small disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {isFetchingNextPage ? "Loading …" : "Show more"}
          </Button>
          <span className="muted">
            {count(rows.length)} of {plural(all, "changed sample")}
          </span>
        </div>
      )}
    </div>
  );
}

function Moves({ moves }: { moves: Difference["moves"] }) {
  const [whole, setWhole] = useState(false);
  return (
    <>
      <table className="moves-table">
        <caption className="unseen">How labels moved</caption>
        <Head columns={["Label before", "Label now", ["Samples", "number"]]} />
        <tbody>
          {moves.slice(0, whole ? moves.length : MOVES).map((move) => {
            const [before, after] = becameOf(move);
            return (
              <tr key={JSON.stringify([move.before, move.after])}>
                <td className={move.before === null ? "muted" : "path"}>{before}</td>
                <td className={move.after === null ? "muted" : "path"}>{after}</td>
                <td className="number">{count(move.count)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {moves.length > MOVES && (
        <p>
          <Button small aria-expanded={whole} onClick={() => setWhole(!whole)}>
            {whole ? "Show fewer moves" : `Show all ${count(moves.length)} moves`}
          </Button>
        </p>
      )}
    </>
  );
}

function Sample({ row, picture }: { row: Changed; picture: string | null }) {
  const [before, after] = becameOf(row);
  return (
    <li>
      <figure className="found-image">
        {picture && <img src={`${picture}?size=${SIDE}`} alt="" loading="lazy" width="96" height="96" />}
        <figcaption>
          <span>
            <bdi className={row.before === null ? "muted" : "path"}>{before}</bdi> →{" "}
            <bdi className={row.after === null ? "muted" : "path"}>{after}</bdi>
          </span>
          <span className="path muted" title={row.path}>
            {row.path}
          </span>
        </figcaption>
      </figure>
    </li>
  );
}
