import { Link } from "wouter";
import { duration, percent, size } from "../ui/format";
import { Button, Notice, Progress } from "../ui/parts";
import type { Upload } from "./upload";
import { uploads } from "./uploads";

/** One upload: where it is, what went wrong, and what can be done about it. */
export function Transfer({ upload }: { upload: Upload }) {
  const { id, name, state, why } = upload;
  const over = state === "done" || state === "refused";
  const wrong = state === "failed" || state === "unreadable" || state === "refused";
  const going = ["looking", "queued", "sending", "waiting"].includes(state);
  return (
    <li>
      <div className="transfer">
        <strong className="path">{name}</strong>
        <span className="muted number">{size(upload.size)}</span>
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
          {state === "failed" && (
            <Button small onClick={() => uploads.resume(id)} aria-label={`Try again: ${name}`}>
              Try again
            </Button>
          )}
          {!over && state !== "checking" && (
            <Button small kind="quiet" onClick={() => uploads.cancel(id)} aria-label={`Cancel ${name}`}>
              Cancel
            </Button>
          )}
          {over && (
            <Button small kind="quiet" onClick={() => uploads.dismiss(id)} aria-label={`Dismiss ${name}`}>
              ✕
            </Button>
          )}
        </span>
      </div>
      {state !== "done" && !wrong && (
        <Progress
          share={state === "checking" || state === "looking" ? null : share(upload)}
          label={`Upload of ${name}`}
        />
      )}
      {wrong && why ? <Notice kind="error">{why}</Notice> : <p className="muted">{line(upload)}</p>}
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
    case "queued":
      return "Waits for its turn: two are sent at once.";
    case "waiting":
      return `${sent} · ${upload.why ?? "The service does not answer."} It goes on by itself.`;
    case "paused":
      return `${sent} · Paused. What was sent is kept.`;
    case "checking":
      return "All is there. The service looks what it is …";
    case "done":
    case "failed":
    case "unreadable":
    case "refused":
      return "";
    case "sending": {
      const pace = upload.speed === null ? [] : [`${size(upload.speed)}/s`];
      const rest = upload.remainingS === null ? [] : [`${duration(upload.remainingS)} left`];
      return [sent, ...pace, ...rest, ...(upload.resumed ? ["goes on where it stopped"] : [])].join(" · ");
    }
  }
}
