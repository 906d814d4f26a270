import { type ReactNode, useId } from "react";
import type { Faults, Field, Form } from "./form";

export interface Filled {
  readonly form: Form;
  readonly faults: Faults;
  set<F extends Field>(field: F, value: Form[F]): void;
}

type TextField = "budgetMin" | "precision" | "review" | "seed" | "epochs" | "network" | "weights" | "maxH";

/** A line of text with its label, and what is wrong with it. */
export function TextInput({
  filled: { form, faults, set },
  field,
  label,
  hint,
  numeric,
}: {
  filled: Filled;
  field: TextField;
  label: string;
  hint?: string;
  numeric?: boolean;
}) {
  const id = useId();
  const fault = faults[field];
  return (
    <div className="field">
      <label htmlFor={id} className="muted small">
        {label}
      </label>
      <input
        id={id}
        value={form[field]}
        inputMode={numeric ? "decimal" : "text"}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-more`}
        onChange={(event) => set(field, event.target.value)}
      />
      <span id={`${id}-more`}>
        <FaultOf fault={fault} />
        {!fault && hint && <span className="muted small">{hint}</span>}
      </span>
    </div>
  );
}

export function FaultOf({ fault }: { fault: string | undefined }) {
  if (!fault) return null;
  return (
    <span className="fault" role="alert">
      ✕ {fault}
    </span>
  );
}

/** One of several ways, each with what it means, and with what else it needs when it is chosen. */
export function Choice<T extends string>({
  name,
  value,
  chosen,
  onChoose,
  label,
  meaning,
  children,
}: {
  name: string;
  value: T;
  chosen: T;
  onChoose: (value: T) => void;
  label: string;
  meaning: string;
  children?: ReactNode;
}) {
  return (
    <div className="choice">
      <label>
        <input type="radio" name={name} value={value} checked={chosen === value} onChange={() => onChoose(value)} />
        <span>
          <b>{label}</b> <span className="muted">{meaning}</span>
        </span>
      </label>
      {chosen === value && children}
    </div>
  );
}
