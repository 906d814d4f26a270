import type { Dataset } from "../api/queries";
import { count, size, when } from "../ui/format";
import { Card, Fact } from "../ui/parts";

const SPLITS = ["train", "val", "test", ""];

/** What the card of findings tells already. */
const FOUND = new Set([
  "split-leak",
  "duplicate-conflict",
  "duplicate",
  "near-duplicate",
  "blank-image",
  "tiny-image",
  "odd-aspect",
  "low-information",
]);

/** The facts of a dataset that was read, and what is worth knowing of it. */
export function WhatItIs({ dataset }: { dataset: Dataset }) {
  const { counts, splits, warnings } = dataset;
  const named = Object.entries(splits ?? {}).sort(([one], [other]) => SPLITS.indexOf(one) - SPLITS.indexOf(other));
  const told = (warnings ?? []).filter(({ code }) => code !== undefined && !FOUND.has(code));
  return (
    <Card title="What it is">
      <dl className="facts">
        <Fact label="Format" value={dataset.format ?? "–"} note={`laid out as ${dataset.layout ?? "unknown"}`} />
        <Fact label="Size" value={dataset.size === null ? "–" : size(dataset.size)} note={when(dataset.created_at)} />
        {counts && (
          <Fact
            label="Images"
            value={count(counts.accepted)}
            note={`${count(counts.seen)} seen = ${count(counts.accepted)} accepted + ${count(counts.rejected)} rejected + ${count(counts.ignored)} ignored`}
          />
        )}
        <Fact label="Classes" value={dataset.class_count === null ? "–" : count(dataset.class_count)} />
        <Fact
          label="Splits"
          value={named.every(([name]) => name === "") ? "none" : named.length}
          note={named
            .filter(([name]) => name !== "" || named.length > 1)
            .map(([name, images]) => `${name || "without a split"}: ${count(images)}`)
            .join(", ")}
        />
      </dl>
      {told.length > 0 && (
        <>
          <h3>Worth knowing</h3>
          <ul className="warnings">
            {told.map(({ code, detail }) => (
              <li key={`${code} ${detail}`}>{detail}</li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
