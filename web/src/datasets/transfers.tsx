import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { Link } from "wouter";
import { duration, percent, size } from "../ui/format";
import { Button, Notice, Progress } from "../ui/parts";
import { useRemembered } from "../ui/stored";
import { datasetsQuery } from "./queries";
import { giveUp } from "./tus";
import { type Begun, begun, forget } from "./unfinished";
import { type Upload, uploads } from "./uploads";

/** The uploads of this tab, and those that were not finished before. */
export function Transfers() {
  const all = useSyncExternalStore(uploads.subscribe, uploads.all);
  const queries = useQueryClient();
  const done = all.filter(({ state }) => state === "done").length;
  useEffect(() => {
    if (done > 0) void queries.invalidateQueries({ queryKey: datasetsQuery.queryKey });
  }, [done, queries]);
  const signedOut = all.some(({ why }) => why?.includes("Sign in"));
  useEffect(() => {
    if (signedOut) void queries.invalidateQueries({ queryKey: datasetsQuery.queryKey }); // its 401 brings the sign-in
  }, [signedOut, queries]);
  return (
    <>
      {all.length > 0 && (
        <ul className="transfers" aria-label="Uploads">
          {all.map((upload) => (
            <Transfer key={upload.id} upload={upload} />
          ))}
        </ul>
      )}
      <Unfinished names={new Set(all.map(({ name }) => name))} />
    </>
  );
}

function Transfer({ upload }: { upload: Upload }) {
  const { id, name, state, why } = upload;
  const lost = state === "failed" && !upload.again;
  const going = state === "sending" || state === "waiting" || state === "looking";
  return (
    <li>
      <div className="row">
        <strong className="path">{name}</strong>
        <span className="muted">{size(upload.size)}</span>
        <span className="transfer-actions">
          {going && (
            <Button small onClick={() => uploads.pause(id)} aria-label={`Pause ${name}`}>
              Pause
            </Button>
          )}
          {state === "paused" && (
            <Button small kind="main" onClick={() => uploads.resume(id)} aria-label={`Go on with ${name}`}>
              Go on
            </Button>
          )}
          {state === "failed" && upload.again && (
            <Button small onClick={() => uploads.resume(id)} aria-label={`Try again: ${name}`}>
              Try again
            </Button>
          )}
          {!lost && state !== "done" && state !== "checking" && (
            <Button small kind="quiet" onClick={() => uploads.cancel(id)} aria-label={`Cancel ${name}`}>
              Cancel
            </Button>
          )}
          {(state === "done" || lost) && (
            <Button small kind="quiet" onClick={() => uploads.dismiss(id)} aria-label={`Dismiss ${name}`}>
              ✕
            </Button>
          )}
        </span>
      </div>
      {state !== "done" && state !== "failed" && (
        <Progress
          share={state === "checking" || state === "looking" ? null : share(upload)}
          label={`Upload of ${name}`}
        />
      )}
      {state === "failed" && why ? <Notice kind="error">{why}</Notice> : <p className="muted">{line(upload)}</p>}
      {state === "done" && upload.dataset && (
        <p role="status">
          Uploaded. <Link href={`/datasets/${upload.dataset.id}`}>Watch how it is read</Link>
        </p>
      )}
    </li>
  );
}

const share = ({ sent, size }: Upload): number => (size > 0 ? sent / size : 0);

/** Where it is, in a line. */
function line(upload: Upload): string {
  const sent = `${percent(share(upload))} · ${size(upload.sent)} of ${size(upload.size)}`;
  switch (upload.state) {
    case "looking":
      return "Looking whether a part of it is with the service already …";
    case "waiting":
      return `${sent} · ${upload.why ?? "The service does not answer."} It goes on by itself.`;
    case "paused":
      return `${sent} · Paused. What was sent is kept.`;
    case "checking":
      return "All is there. The service looks what it is …";
    case "done":
    case "failed":
      return "";
    case "sending": {
      const pace = upload.speed === null ? [] : [`${size(upload.speed)}/s`];
      const rest = upload.remainingS === null ? [] : [`${duration(upload.remainingS)} left`];
      return [sent, ...pace, ...rest, ...(upload.resumed ? ["goes on where it stopped"] : [])].join(" · ");
    }
  }
}

function Unfinished({ names }: { names: ReadonlySet<string> }) {
  useRemembered("uploads", "{}");
  const left = Object.entries(begun()).filter(([, { name }]) => !names.has(name));
  if (left.length === 0) return null;
  const drop = ([key, { address }]: [string, Begun]) => {
    forget(key);
    void giveUp(address).catch(() => {}); // what nobody goes on with expires there by itself
  };
  return (
    <div className="notice info">
      <p>These uploads were not finished. Choose the same file or folder again, and it goes on where it stopped.</p>
      <ul className="unfinished">
        {left.map(([key, one]) => (
          <li key={key} className="row">
            <span className="path">{one.name}</span> <span className="muted">{size(one.size)}</span>
            <Button small kind="quiet" onClick={() => drop([key, one])} aria-label={`Give up: ${one.name}`}>
              Give up
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
