"""A report in one file that can be mailed: how much is wrong, where, and the most suspicious images. It holds no
script, fetches nothing, and shows thumbnails that were decoded and encoded anew by the render child."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from core.datasets.exports.content import Content, Entry
from core.errors import shown
from core.review import looks
from core.review.ranking import Judged
from core.words import RELABEL

MOST = 200  # images
ROWS = 25  # of a chart
BINS = 20
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root { --ink: #1d2430; --dim: #5b6576; --line: #d9dee7; --paper: #fff; --bar: #3b6fb6; --bad: #b4462e;
  --good: #2f7d4f }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf1; --dim: #9aa4b5; --line: #343c4a;
  --paper: #161a21; --bar: #7aa7e8; --bad: #e58a74; --good: #79c798 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 64rem;
  margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem }
p.dim, footer, figcaption, .dim { color: var(--dim) }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem;
  margin: 1.4rem 0 }
dl.facts div { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem }
dl.facts dt { color: var(--dim); font-size: .85rem }
dl.facts dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums }
dl.facts small { font-size: .8rem; color: var(--dim) }
figure { margin: 0 0 1rem }
svg { max-width: 100%; height: auto }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif }
svg .bar { fill: var(--bar) }
svg .range { stroke: var(--bad); stroke-width: 2 }
svg .axis { stroke: var(--line) }
svg .dim { fill: var(--dim) }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left;
  vertical-align: middle }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
td.path { color: var(--dim); font-size: .8rem; overflow-wrap: anywhere }
td img { display: block; image-rendering: auto; max-width: 96px; max-height: 96px }
b { font-weight: 600 }
.wrong { color: var(--bad) }
.right { color: var(--good) }
@media print { body { margin: 0 } tr { break-inside: avoid } }
"""


def write(content: Content) -> Iterator[bytes]:
    """Head, charts, images; a piece at a time."""
    yield _head(content).encode()
    yield _facts(content).encode()
    yield _swayed(content).encode()
    yield _charts(content).encode()
    yield _mix_ups(content).encode()
    first = content.audited[:MOST]
    yield f"""<h2>The {len(first):,} most suspicious labels</h2>
<table><thead><tr><th class="number">rank</th><th>image</th><th>given → suggested</th><th class="number">P(wrong)</th>
<th>decision</th><th>path</th></tr></thead><tbody>
""".encode()
    for entry in content.entries(first):
        yield _row(content, entry).encode()
    about = content.about
    yield f"""</tbody></table>
<footer><p>Made by labelaudit. Dataset {_text(about.dataset_id)}, version {about.dataset_version}; audit
{_text(about.audit_id)}; reviews up to number {about.reviews}; scores {_text(about.score_version)}. P(wrong) is the
probability that a given label is wrong.</p></footer>
</body></html>
""".encode()


def _head(content: Content) -> str:
    name = _text(content.about.dataset_name)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>Labels of {name}</title><style>{STYLE}</style></head><body>
<h1>Labels of {name}</h1>
<p class="dim">Version {content.about.dataset_version}, {len(content.audited):,} audited images in
{len(content.classes):,} classes.</p>
"""


def _facts(content: Content) -> str:
    said, rate, counts = content.summary, content.summary.noise_rate, content.counts(audited=True)
    facts = [
        ("wrong labels, estimated", f"{rate.estimate:.1%}", f"{rate.low:.1%} to {rate.high:.1%} at {rate.level:.0%}"),
        ("flagged", f"{said.flagged:,}", _expected(said.expected.precision)),
        ("corrected by people", f"{counts.relabelled:,}", f"{counts.excluded:,} taken out"),
        ("test accuracy", _share(said.model.test_accuracy_best), _text(said.model.network)),
    ]
    shown_facts = "".join(
        f"<div><dt>{title}</dt><dd>{value}<br><small>{more}</small></dd></div>" for title, value, more in facts
    )
    warning = f'<p class="wrong">{_text(said.degenerate.detail)}</p>' if said.degenerate else ""
    return f'{warning}<dl class="facts">{shown_facts}</dl>\n'


def _swayed(content: Content) -> str:
    """Whether people agree more often with what they see; nothing where too few were judged in either way."""
    at, decided, suggested = content.audited, content.decided, content.ranked.suggested
    accepted = (decided.decision == RELABEL) & (decided.label == suggested)
    judged = Judged(decided.decision[at], decided.source[at], accepted[at], decided.disputed[at])
    seen, blind = looks.seen(suggested[at], judged), looks.blind(suggested[at], judged)
    if (sways := looks.sways(seen, blind)) is None:
        return ""
    so = "What is suggested sways" if sways else "These numbers do not show that what is suggested sways"
    return f"""<p>People decided as suggested on {_of_those(seen)} while they saw what is suggested, and on
{_of_those(blind)} while it was hidden. {so} who judges.</p>
"""


def _of_those(agreed: looks.Agreed) -> str:
    if agreed.share is None:
        return f"{agreed.agreed:,} of {agreed.judged:,}"
    return f"{agreed.share.estimate:.0%} of {agreed.judged:,} ({agreed.share.low:.0%} to {agreed.share.high:.0%})"


def _charts(content: Content) -> str:
    classes = sorted(content.summary.classes, key=lambda one: (-one.noise_rate, one.label))[:ROWS]
    rates = [(one.label, one.noise_rate, one.low, one.high) for one in classes]
    scores = content.ranked.score[content.audited]
    bins, _ = np.histogram(scores, BINS, (0.0, 1.0))
    more = f" (the {ROWS} highest)" if len(content.summary.classes) > ROWS else ""
    return f"""<h2>Wrong labels by class{more}</h2><figure>{_bars(rates)}
<figcaption>Estimated share of each class's labels that is wrong; the line is its interval.</figcaption></figure>
<h2>How sure the audit is</h2><figure>{_histogram(bins.tolist())}
<figcaption>Images by the probability that their label is wrong.</figcaption></figure>
"""


def _bars(rates: Sequence[tuple[str, float, float, float]]) -> str:
    most = max([0.05, *(high for *_, high in rates)])
    left, width, step = 190, 420, 22
    parts = []
    for k, (label, rate, low, high) in enumerate(rates):
        y = k * step + 4
        at = [left + round(width * value / most, 1) for value in (rate, low, high)]
        parts.append(
            f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{_text(label, 26)}</text>'
            f'<rect class="bar" x="{left}" y="{y + 1}" width="{round(at[0] - left, 1)}" height="14"/>'
            f'<line class="range" x1="{at[1]}" x2="{at[2]}" y1="{y + 8}" y2="{y + 8}"/>'
            f'<text class="dim" x="{left + width + 10}" y="{y + 12}">{rate:.1%}</text>'
        )
    height = len(rates) * step + 8
    return (
        f'<svg viewBox="0 0 690 {height}" width="690" height="{height}" role="img" aria-label="wrong labels by class">'
        f'<line class="axis" x1="{left}" x2="{left}" y1="0" y2="{height}"/>{"".join(parts)}</svg>'
    )


def _histogram(bins: Sequence[int]) -> str:
    width, height, most = 30, 120, max([1, *bins])
    parts = []
    for k, count in enumerate(bins):
        tall = round(height * (count / most) ** 0.5, 1)  # a square root, so that few can be seen beside many
        parts.append(
            f'<rect class="bar" x="{k * width + 4}" y="{height + 14 - tall}" width="{width - 4}" height="{tall}"/>'
            f'<text class="dim" x="{k * width + width / 2 + 2}" y="{height + 10 - tall}" text-anchor="middle">'
            f"{count or ''}</text>"
        )
    below = "".join(
        f'<text x="{k * len(bins) * width / 4 + 4}" y="{height + 30}" text-anchor="middle">{k / 4:g}</text>'
        for k in range(5)
    )
    across = len(bins) * width
    return (
        f'<svg viewBox="-10 0 {across + 30} {height + 36}" width="{across + 30}" height="{height + 36}" role="img" '
        f'aria-label="images by probability">{"".join(parts)}{below}</svg>'
    )


def _mix_ups(content: Content) -> str:
    moves = content.summary.transitions
    pairs = [
        (count, given, true)
        for given, row in zip(moves.labels, moves.counts, strict=True)
        for true, count in zip(moves.labels, row, strict=True)
        if count >= 0.5
    ]
    if not pairs:
        return ""
    pairs.sort(key=lambda pair: (-pair[0], *pair[1:]))
    rows = "".join(
        f'<tr><td>{_text(given, 40)}</td><td>{_text(true, 40)}</td><td class="number">{count:,.0f}</td></tr>'
        for count, given, true in pairs[:10]
    )
    return f"""<h2>What is mixed up</h2><table><thead><tr><th>labelled as</th><th>but is</th>
<th class="number">images, expected</th></tr></thead><tbody>{rows}</tbody></table>
"""


def _row(content: Content, entry: Entry) -> str:
    ranked, n = content.ranked, entry.n
    suggested = int(ranked.suggested[n])
    other = "–" if suggested < 0 else _text(content.classes[suggested], 40)
    picture = content.images.thumbnail(content.images.read(entry))
    image = '<span class="dim">cannot be shown</span>'
    if picture is not None:
        image = f'<img alt="" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
    return (
        f'<tr><td class="number">{ranked.rank[n]}</td><td>{image}</td>'
        f"<td>{_text(entry.given, 40)} → <b>{other}</b></td>"
        f'<td class="number">{ranked.score[n]:.3f}</td><td>{_decision(content, entry)}</td>'
        f'<td class="path">{_text(entry.path)}</td></tr>\n'
    )


def _decision(content: Content, entry: Entry) -> str:
    if entry.decision is None:
        return '<span class="dim">–</span>'
    who = _text(content.decided.reviewers[int(content.decided.reviewer[entry.n])], 40)
    what = {"keep": '<span class="right">right</span>', "exclude": '<span class="wrong">take out</span>'}
    label = _text(content.classes[int(content.decided.label[entry.n])], 40) if entry.decision == "relabel" else ""
    return f'{what.get(entry.decision, label or "unsure")}<br><small class="dim">{who}</small>'


def _text(text: str, limit: int = 120) -> str:
    return escape(shown(text, limit))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _expected(precision: float | None) -> str:
    return "nothing is expected of them" if precision is None else f"{precision:.0%} of them expected to be wrong"
