import { type ButtonHTMLAttributes, type ReactNode, useEffect, useId, useRef } from "react";
import { told } from "../api/problem";

/** The small parts that all screens are made of. */

export function Button({
  kind = "plain",
  small,
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { kind?: "plain" | "main" | "danger" | "quiet"; small?: boolean }) {
  return (
    <button type="button" {...rest} className={`button ${kind}${small ? " small" : ""} ${rest.className ?? ""}`} />
  );
}

export function Card({ title, extra, children }: { title?: ReactNode; extra?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={title ? id : undefined}>
      {title && (
        <header>
          <h2 id={id}>{title}</h2>
          {extra}
        </header>
      )}
      {children}
    </section>
  );
}

export function Fact({ label, value, note }: { label: string; value: ReactNode; note?: ReactNode }) {
  return (
    <div className="fact">
      <dt>{label}</dt>
      <dd>{value}</dd>
      {note && <dd className="note">{note}</dd>}
    </div>
  );
}

export function Notice({
  kind = "info",
  children,
}: {
  kind?: "info" | "warning" | "error" | "good";
  children: ReactNode;
}) {
  return (
    <div className={`notice ${kind}`} role={kind === "error" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** What went wrong, and a way to try again where that may help. */
export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  return (
    <Notice kind="error">
      <p>{told(error)}</p>
      {again && (
        <Button small onClick={again}>
          Try again
        </Button>
      )}
    </Notice>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="loading" role="status">
      Loading {what} …
    </p>
  );
}

/** How far something is, from 0 to 1; unknown while null. */
export function Progress({ share, label }: { share: number | null; label: string }) {
  return <progress aria-label={label} max={1} {...(share === null ? {} : { value: share })} />;
}

type Column = string | readonly [name: string, as: "number" | "unseen"];

/** The head of a table. Numbers stand on the right; a column without a name has no head. */
export function Head({ columns }: { columns: readonly (Column | false | undefined)[] }) {
  return (
    <thead>
      <tr>
        {columns.map((column, k) => {
          if (!column) return column === "" ? <td key={String(k)} /> : null;
          const [name, as] = typeof column === "string" ? [column] : column;
          return (
            <th key={name} scope="col" className={as === "number" ? "number" : undefined}>
              {as === "unseen" ? <span className="unseen">{name}</span> : name}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

const VERDICTS = {
  clean: ["✓", "right"],
  hard: ["◇", "right, but difficult"],
  wrong: ["✕", "wrong"],
  ambiguous: ["◐", "two labels fit"],
  alien: ["⌀", "fits no class"],
} as const;
export type Verdict = keyof typeof VERDICTS;

export function VerdictBadge({ verdict }: { verdict: Verdict }) {
  const [sign, meaning] = VERDICTS[verdict];
  return (
    <span className={`badge verdict-${verdict}`} title={meaning}>
      <span aria-hidden="true">{sign}</span> {verdict}
    </span>
  );
}

/** A dialog above everything else; Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
  wide,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} className={wide ? "dialog wide" : "dialog"} aria-labelledby={id} onCancel={onClose}>
      <div className="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <Button kind="quiet" small onClick={onClose} aria-label="Close">
            ✕
          </Button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
