import type { Schemas } from "../api/client";

export type Format = Schemas["NewExport"]["format"];
export interface Told {
  name: string;
  what: string;
  load?: string; // code
  how?: string; // words
}

/** What each format is, in a line, and how it is loaded. */
export const FORMATS: Readonly<Record<Format, Told>> = {
  csv: {
    name: "CSV",
    what: "A row for each audited sample with scores and decisions; safe in a spreadsheet.",
    load: 'pandas.read_csv("scores.csv", keep_default_na=False)',
  },
  jsonl: {
    name: "JSON lines",
    what: "The same, exact, a JSON object for each sample.",
    load: 'pandas.read_json("scores.jsonl", lines=True)',
  },
  parquet: {
    name: "Parquet",
    what: "The same, exact and small.",
    load: 'pandas.read_parquet("scores.parquet")',
  },
  cleanlab: {
    name: "cleanlab columns",
    what: "A CSV with the names that cleanlab’s users know; there, a high score is right.",
    load: 'pandas.read_csv("scores.csv").query("is_label_issue")',
  },
  imagefolder: {
    name: "Image folders",
    what: "A zip with a folder for each split and class, and a manifest. labelaudit reads it back.",
    load: 'torchvision.datasets.ImageFolder("cleaned/train")',
  },
  webdataset: {
    name: "WebDataset",
    what: "A tar to stream: of each sample the image, its class and its name.",
    load: 'webdataset.WebDataset("cleaned.tar").decode("pil").to_tuple("png;jpg", "cls")',
  },
  huggingface: {
    name: "Hugging Face",
    what: "A zip of Parquet files with images and classes, and a dataset card.",
    load: 'datasets.load_dataset("cleaned/")  # the unpacked folder',
  },
  coco: {
    name: "COCO",
    what: "A zip with images and annotations, each box the whole image.",
    load: 'COCO("cleaned/annotations/instances_train.json")',
  },
  fiftyone: {
    name: "FiftyOne",
    what: "A zip with data and labels, with a confidence for each label.",
    load: 'fiftyone.Dataset.from_dir("cleaned/", dataset_type=fiftyone.types.FiftyOneImageClassificationDataset)',
  },
  "label-studio": {
    name: "Label Studio",
    what: "A zip of tasks, 10,000 a file, with suggestions as predictions and decisions as annotations.",
    how: "Import tasks/00000.json into a project with label_config.xml.",
  },
  cvat: {
    name: "CVAT",
    what: "An XML with labels as tags, and what is suggested as their attributes.",
    how: "In a task with the same images: Upload annotations, CVAT for images 1.1.",
  },
  html: {
    name: "HTML report",
    what: "One file to mail: how many labels are wrong, and the 200 most suspicious images.",
    how: "Open it in a browser; it holds no script and loads nothing.",
  },
};

export const GROUPS: readonly (readonly [title: string, formats: readonly Format[]])[] = [
  ["Scores and decisions", ["csv", "jsonl", "parquet", "cleanlab"]],
  ["The dataset, cleaned", ["imagefolder", "webdataset", "huggingface", "coco", "fiftyone"]],
  ["For annotation tools", ["label-studio", "cvat"]],
  ["Report", ["html"]],
];
