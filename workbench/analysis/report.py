"""A comparison as one self-contained HTML page, and as CSV: curves, results, configuration, runs, versions."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.analysis.comparison import Comparison, Evaluations, Result
from workbench.analysis.configuration import configuration, difference_table, label, value_words
from workbench.analysis.estimates import RESAMPLES, Interval, Paired
from workbench.analysis.findings import few_seeds_warning, findings, seeds_words
from workbench.analysis.references import Reference, references_for
from workbench.analysis.report_pictures import Line, Whisker, curves_svg, markup, whiskers_svg
from workbench.analysis.statistics import align, summarise
from workbench.figures import MISSING, count, number, plural, with_spread

#: columns of the CSV file, one row per group; returns are undiscounted sums of rewards
CSV_COLUMNS = (
    "group", "environment", "agent", "total_steps", "runs", "seeds_counted", "seeds", "states", "last_evaluations",
    "final_mean", "final_std", "final_stderr", "final_iqm", "final_ci_low", "final_ci_high", "area", "final_by_seed",
    "base", "pairs", "difference", "difference_ci_low", "difference_ci_high", "area_difference",
    "area_difference_ci_low", "area_difference_ci_high", "probability_of_improvement", "verdict",
)  # fmt: skip
_STYLE = """
body { font-family: Inter, Helvetica, Arial, sans-serif; font-size: 13px; color: #171A21; background: #FFFFFF;
  max-width: 900px; margin: 28px auto; padding: 0 20px; line-height: 1.45; }
h1 { font-size: 22px; font-weight: 600; margin: 0 0 4px; } h2 { font-size: 15px; font-weight: 600; margin: 28px 0 8px; }
p.quiet, td.quiet, span.quiet { color: #5F6879; } table { border-collapse: collapse; }
th { color: #5F6879; font-weight: 400; text-align: left; font-size: 12px; }
th, td { border-bottom: 1px solid #DCDFE5; padding: 4px 9px 4px 0; vertical-align: top; }
th, td.figure { white-space: nowrap; }
th.figure, td.figure { text-align: right; font-variant-numeric: tabular-nums; } li { margin: 4px 0; }
td.changed { color: #4A4ED6; font-weight: 600; } svg { max-width: 100%; height: auto; }
"""
#: how a picture (name, SVG) becomes HTML
Picture = Callable[[str, str], str]


@dataclass(frozen=True)
class Report:
    """What a report is made of; ``evaluations`` by run number, ``made`` and ``project`` as they are to be read."""

    comparison: Comparison
    evaluations: Mapping[int, Evaluations]
    made: str
    project: str

    @property
    def title(self) -> str:
        """What was compared."""
        results = self.comparison.results
        tasks = sorted({result.group.first.environment for result in results})
        return f"{plural(len(results), 'variant')} on {', '.join(tasks)}"


def report_html(report: Report, picture: Picture | None = None) -> str:
    """The page. Pictures stand in it as SVG, unless ``picture`` puts something else in their place."""
    draw = picture or (lambda _name, svg: svg)
    parts = [
        f"<h1>{markup(report.title)}</h1>",
        f"<p class='quiet'>Foresight, project {markup(report.project)}, {markup(report.made)}</p>",
        *_findings(report.comparison),
        *_curves(report, draw),
        *_results(report.comparison, draw),
        *_seeds(report.comparison),
        *_configuration(report.comparison),
        *_runs(report.comparison),
        *_method(report.comparison),
    ]
    head = f"<meta charset='utf-8'><title>{markup(report.title)}</title><style>{_STYLE}</style>"
    return f"<!DOCTYPE html>\n<html lang='en'><head>{head}</head><body>\n" + "\n".join(parts) + "\n</body></html>\n"


def report_csv(report: Report) -> str:
    """One row per group, the base first; what there is not is empty. See `CSV_COLUMNS`."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for result in report.comparison.results:
        writer.writerow(["" if value is None else value for value in _csv_row(result, report.comparison)])
    return stream.getvalue()


def _csv_row(result: Result, comparison: Comparison) -> Iterator[object]:
    first, against = result.group.first, comparison.against[result.group.key]
    yield from (result.name, first.environment, first.agent, first.total_steps)
    yield " ".join(str(run.id) for run in result.group.runs)
    yield from (result.count, result.total, " ".join(f"{state}:{n}" for state, n in sorted(result.states.items())))
    yield from (comparison.last, result.mean, result.deviation, result.error, result.middle)
    yield from _limits(result.interval)
    yield result.area
    yield " ".join(f"{seed}:{value!r}" for seed, value in sorted(result.finals.items()))
    yield comparison.base.name
    paired = against.paired
    yield from (None, None) if paired is None else (paired.pairs, paired.mean)
    yield from _ends(paired)
    yield None if against.area is None else against.area.mean
    yield from _ends(against.area)
    yield from (against.improvement, against.verdict)


def _ends(paired: Paired | None) -> tuple[float | None, float | None]:
    return _limits(None if paired is None else paired.interval)


def _limits(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


# ---- parts of the page ----------------------------------------------------------------------------------------------


def _findings(comparison: Comparison) -> Iterator[str]:
    yield "<h2>What it says</h2><ul>"
    for finding in findings(comparison):
        yield f"<li>{markup(finding.text)}</li>"
    warning = few_seeds_warning(comparison)
    yield f"</ul><p><b>Note.</b> {markup(warning)}</p>" if warning else "</ul>"


def _curves(report: Report, draw: Picture) -> Iterator[str]:
    lines = [
        line
        for place, result in enumerate(report.comparison.results)
        if (line := _line(result, place, report.evaluations)) is not None
    ]
    if not lines:
        return
    published = references_for(result.group.first.environment for result in report.comparison.results)
    published = tuple(each for each in published if each.curve()[0][0] <= max(line.x[-1] for line in lines))
    lines += [_published(reference) for reference in published]
    yield "<h2>Evaluation return over training</h2><p class='quiet'>Mean and standard deviation over all seeds that "
    yield "have got so far, finished or not.</p>"
    yield draw("curves", curves_svg(lines, "Environment steps", "Evaluation return"))
    for reference in published:
        yield f"<p class='quiet'>{markup(f'{reference.title}: {reference.source}. Warm-up added.')}</p>"


def _line(result: Result, place: int, evaluations: Mapping[int, Evaluations]) -> Line | None:
    curves = [evaluations[run.id] for run in result.group.runs if run.id in evaluations and len(evaluations[run.id][0])]
    if not curves:
        return None
    aligned = align(curves)
    summary = summarise(aligned.values, "std")
    return Line(result.name, aligned.x, summary.mean, summary.low, summary.high, place)


def _published(reference: Reference) -> Line:
    steps, returns = reference.curve()
    return Line(reference.title, steps, np.asarray(returns.mean(axis=0)), None, None, None)


def _results(comparison: Comparison, draw: Picture) -> Iterator[str]:
    evaluations = "last evaluation" if comparison.last == 1 else f"last {comparison.last} evaluations"
    base = markup(comparison.base.name)
    yield f"<h2>Results</h2><p class='quiet'>Final return: mean of the {evaluations} of each finished run; then mean "
    yield f"± standard deviation over seeds. Differences are paired by seed, against {base}.</p>"
    heads = ("Variant", "Seeds", "Final return", "IQM", "95 % CI", "Difference", "95 % CI, paired", "P(better)",
             "Verdict")  # fmt: skip
    yield _table(heads, [_result_cells(result, comparison) for result in comparison.results], range(2, 8))
    whiskers = [
        Whisker(result.name, paired.mean, paired.interval.low, paired.interval.high, bool(against.clear), place)
        for place, result in enumerate(comparison.results)
        if (paired := (against := comparison.against[result.group.key]).paired) is not None and paired.interval
    ]
    if whiskers:
        yield "<p class='quiet'>Difference to the base and its 95 % interval; filled where it leaves zero out.</p>"
        yield draw("differences", whiskers_svg(whiskers))
    yield "<h2>Area under the evaluation curve</h2>"
    areas = [
        [result.name, number(result.area), *_difference(comparison.against[result.group.key].area)]
        for result in comparison.results
    ]
    yield _table(("Variant", "Area", "Difference", "95 % CI, paired"), areas, range(1, 4))


def _result_cells(result: Result, comparison: Comparison) -> list[str]:
    against = comparison.against[result.group.key]
    return [
        result.name,
        seeds_words(result),
        with_spread(result.mean, result.deviation),
        number(result.middle),
        _interval(result.interval),
        *_difference(against.paired),
        MISSING if against.improvement is None else f"{against.improvement:.2f}",
        against.verdict,
    ]


def _difference(paired: Paired | None) -> tuple[str, str]:
    """Its mean and its interval."""
    return (MISSING, MISSING) if paired is None else (number(paired.mean), _interval(paired.interval))


def _seeds(comparison: Comparison) -> Iterator[str]:
    seeds = sorted({seed for result in comparison.results for seed in result.finals})
    if seeds:
        yield "<h2>Final return of each seed</h2>"
        rows = [[result.name, *(number(result.finals.get(seed)) for seed in seeds)] for result in comparison.results]
        yield _table(("Variant", *(f"Seed {seed}" for seed in seeds)), rows, range(1, len(seeds) + 1))


def _configuration(comparison: Comparison) -> Iterator[str]:
    columns = [configuration(result.group.first) for result in comparison.results]
    table = difference_table(columns)
    yield "<h2>Configuration</h2>"
    rows = [
        [label(row.path), *(_words(value, changed) for value, changed in zip(row.values, row.changed, strict=True))]
        for row in table.rows
    ]
    if rows:
        yield _table(("Setting", *(result.name for result in comparison.results)), rows)
    yield f"<p class='quiet'>{plural(len(table.equal), 'equal setting')} of the base:</p><p class='quiet'>"
    equal = (f"{row.path} = {value_words(row.values[0])}" for row in (*table.equal, *table.ignored))
    yield markup("; ".join(equal)) + "</p>"


def _words(value: object, changed: bool) -> str:
    return _Changed(value_words(value)) if changed else value_words(value)


def _runs(comparison: Comparison) -> Iterator[str]:
    yield "<h2>Runs</h2>"
    rows, made = [], set()
    for result in comparison.results:
        for run in result.group.runs:
            state = f"{run.status}: {run.reason}" if run.reason and run.status != "finished" else str(run.status)
            made.add(", ".join(f"{name} {version}" for name, version in sorted(run.versions.items())))
            steps = f"{count(run.step)} of {count(run.total_steps)}"
            minutes = f"{number(run.active_seconds / 60)} min"
            rows.append([str(run.id), result.name, str(run.seed), state, steps, minutes, run.device])
    yield _table(("Run", "Variant", "Seed", "State", "Steps", "Training time", "Device"), rows)
    for versions in sorted(made - {""}):
        yield f"<p class='quiet'>Made with {markup(versions)}.</p>"


def _method(comparison: Comparison) -> Iterator[str]:
    yield "<h2>How it was computed</h2><p>"
    yield markup(
        "Only finished runs count. Std: sample standard deviation over seeds. 95 % CI: percentile bootstrap of the "
        f"mean, {count(RESAMPLES)} resamples with a fixed seed, stratified by configuration. IQM: mean of the middle "
        "half of the seeds. Area: mean height of the evaluation curve, trapezoids from the first to the last "
        "evaluation. Difference, of final returns and of areas alike: mean over the seeds that both have; its "
        "interval is Student's, for each comparison by itself. "
        "P(better): share of all pairs of one seed of each in which the variant is larger, ties half. Clearly better "
        f"or worse: the interval of the difference leaves zero out. The base is {comparison.base.name}."
    )
    yield "</p>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], figures: Sequence[int] = ()) -> str:
    marks = [" class='figure'" if place in figures else "" for place in range(len(heads))]
    head = "".join(f"<th{mark}>{markup(words)}</th>" for mark, words in zip(marks, heads, strict=True))
    body = "".join(f"<tr>{''.join(_cell(c, m) for c, m in zip(row, marks, strict=True))}</tr>" for row in rows)
    return f"<table cellspacing='0'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class _Changed(str):
    """A cell whose setting differs from the base's."""


def _cell(words: str, mark: str) -> str:
    if isinstance(words, _Changed):
        return f"<td class='changed'>{markup(words)}</td>"
    return f"<td{mark}>{markup(words)}</td>"


def _interval(interval: Interval | None) -> str:
    return MISSING if interval is None else f"{number(interval.low)} to {number(interval.high)}"
