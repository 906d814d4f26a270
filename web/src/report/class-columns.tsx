import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_basic,
  tableFeatures,
} from "@tanstack/react-table";
import { Link } from "wouter";
import type { Schemas } from "../api/client";
import { count } from "../ui/format";
import { reviewAddress } from "./address";
import { RateBar } from "./rate-bar";

export type OfClass = Schemas["OfClass"];

export const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
});

const helper = createColumnHelper<typeof features, OfClass>();

/** The columns of the table of classes; `most` is the noise rate at the end of the bars. */
export const columnsOf = (auditId: string, most: number) =>
  helper.columns([
    helper.accessor("label", {
      header: "Class",
      sortFn: "alphanumeric",
      sortDescFirst: false,
      cell: ({ row: { original } }) => (
        <Link className="wrapping" href={reviewAddress(auditId, { given: original.label })}>
          <bdi>{original.label}</bdi>
        </Link>
      ),
    }),
    helper.accessor("samples", { header: "Samples", sortFn: "basic", cell: (cell) => count(cell.getValue()) }),
    helper.accessor("flagged", {
      header: "Flagged",
      sortFn: "basic",
      cell: ({ row: { original } }) =>
        original.flagged > 0 ? (
          <Link
            href={reviewAddress(auditId, { given: original.label, is_issue: true })}
            aria-label={`${count(original.flagged)} flagged of ${original.label}`}
          >
            {count(original.flagged)}
          </Link>
        ) : (
          "0"
        ),
    }),
    helper.accessor("noise_rate", {
      header: "Wrong labels, expected",
      sortFn: "basic",
      cell: ({ row: { original } }) => (
        <RateBar estimate={original.noise_rate} low={original.low} high={original.high} most={most} />
      ),
    }),
  ]);
