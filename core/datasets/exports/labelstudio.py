"""Tasks for Label Studio, the most suspicious first: each with what the audit predicts, and what people decided as an
annotation. In files of so many tasks that its server takes each of them, with the configuration that they need.

Images are named as Label Studio's local storage finds them, by their paths in the upload.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from core.datasets.exports.content import Content, Entry
from core.datasets.exports.xml import printable
from core.datasets.exports.zips import Zip

TASKS = 10_000  # a file
LOCAL = "/data/local-files/?d="


def write(content: Content) -> Iterator[bytes]:
    """The configuration, then the tasks."""
    archive = Zip()
    yield from archive.member("label_config.xml", _config(content.classes).encode())
    for start in range(0, len(content.audited), TASKS):
        block = content.audited[start : start + TASKS]
        tasks = ",\n".join(json.dumps(_task(content, entry), ensure_ascii=False) for entry in content.entries(block))
        yield from archive.member(f"tasks/{start // TASKS:05d}.json", f"[\n{tasks}\n]\n".encode())
    yield from archive.member("dataset.json", content.about.line().encode() + b"\n")
    yield from archive.end()


def _config(classes: tuple[str, ...]) -> str:
    choices = "\n".join(f"    <Choice value={quoteattr(printable(name))}/>" for name in classes)
    return f"""<View>
  <Image name="image" value="$image"/>
  <Choices name="label" toName="image" choice="single" showInline="true">
{choices}
  </Choices>
  <Text name="given" value="$given_label"/>
</View>
"""


def _task(content: Content, entry: Entry) -> dict[str, Any]:
    ranked, n = content.ranked, entry.n
    suggested, score = int(ranked.suggested[n]), float(ranked.score[n])
    predicted = entry.given if suggested < 0 else content.classes[suggested]
    decided = content.classes[int(content.decided.label[n])] if entry.decision == "relabel" else None
    sure = 1 - score if suggested < 0 else score * float(ranked.confidence[n])
    return {
        "id": n + 1,
        "data": {
            "image": LOCAL + quote(entry.path),
            "sample": n, "path": entry.path, "split": entry.split, "given_label": entry.given,
            "rank": int(ranked.rank[n]), "wrong": score, "is_issue": bool(ranked.is_issue[n]),
            "decision": entry.decision, "decided_label": decided,
        },
        "predictions": [
            {
                "model_version": f"labelaudit {content.about.score_version}",
                "score": sure,
                "result": _choice(n, predicted),
            }
        ],
        "annotations": _annotations(content, n, entry),
    }  # fmt: skip


def _annotations(content: Content, n: int, entry: Entry) -> list[dict[str, Any]]:
    """What a person said, where it stands: nothing of a doubt, and nothing of a decision that is not applied because
    the sample is held out. A sample that was taken out is a skipped task."""
    skipped = bool(content.label[n] < 0)
    if not skipped and content.upheld[n] != 1:
        return []
    at = datetime.fromtimestamp(float(content.decided.at[n]), UTC).isoformat(timespec="seconds")
    return [{"was_cancelled": skipped, "created_at": at, "result": [] if skipped else _choice(n, entry.label)}]


def _choice(n: int, label: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"s{n}", "type": "choices", "from_name": "label", "to_name": "image",
            "value": {"choices": [printable(label)]},
        }
    ]  # fmt: skip
