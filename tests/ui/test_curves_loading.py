"""From stored series and live events to curves: the cache, the thread that loads, grouping, and what is remembered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from storage import Project, RunState
from ui.context import Context
from ui.plots.choices import CurveChoices
from ui.plots.curve_styles import COLOURED, styled_curves
from ui.plots.grouping import Member, build_curve, curve_key
from ui.plots.loader import CurveLoader, Loaded
from ui.plots.series_cache import SeriesCache
from ui.series_colors import SeriesColors

RETURN = "evaluation/return"


def ids(project: Project, name: str) -> list[int]:
    return sorted(row.id for row in project.runs.page() if row.name.startswith(name))


def load(loader: CurveLoader, qtbot: QtBot, runs: list[int], choices: CurveChoices | None = None) -> Loaded:
    with qtbot.waitSignal(loader.loaded, timeout=60_000) as signal:
        loader.request(runs, choices or CurveChoices())
    result = signal.args[0]
    assert isinstance(result, Loaded)
    return result


@pytest.fixture
def loader(context: Context) -> CurveLoader:
    return CurveLoader(context.project)


# ---- grouping -------------------------------------------------------------------------------------------------------


def test_seeds_of_a_group_become_one_curve(project: Project, loader: CurveLoader, qtbot: QtBot) -> None:
    runs = ids(project, "No KL term")
    loaded = load(loader, qtbot, [*runs, *ids(project, "Paper sizes")])
    group, alone = loaded.curves[RETURN]
    assert (group.label, group.runs, group.seeds) == ("No KL term", tuple(runs), 3)
    assert alone.count is None and alone.low is None and alone.label == "Paper sizes, K = 3"
    series = [project.series.read(run_id, RETURN).value for run_id in runs]
    np.testing.assert_allclose(group.mean.y, np.mean(series, axis=0))
    assert group.high is not None
    np.testing.assert_allclose(group.high.y - group.mean.y, np.std(series, axis=0, ddof=1))


def test_single_runs_and_other_axes(project: Project, loader: CurveLoader, qtbot: QtBot) -> None:
    runs = ids(project, "No KL term")
    loaded = load(loader, qtbot, runs, CurveChoices(grouped=False, axis="active"))
    assert [curve.runs for curve in loaded.curves[RETURN]] == [(run_id,) for run_id in runs]
    first = loaded.curves[RETURN][0]
    np.testing.assert_allclose(first.mean.x, project.series.read(runs[0], RETURN).active_seconds)
    assert first.step_at(first.mean.x[2]) == 3000


def test_the_mean_depends_on_its_own_seeds_alone(project: Project, loader: CurveLoader, qtbot: QtBot) -> None:
    runs = ids(project, "No KL term")
    alone = load(loader, qtbot, runs).curves[RETURN][0]
    among = load(loader, qtbot, [*ids(project, "ALM quick"), *runs]).curves[RETURN][1]
    np.testing.assert_array_equal(alone.mean.y, among.mean.y)


def test_smoothing_comes_before_the_mean_and_the_raw_curves_stay(project: Project) -> None:
    runs = ids(project, "No KL term")
    members = [Member(project.runs.get(run_id), project.series.read(run_id, "loss/critic")) for run_id in runs]
    made = build_curve("group", "x", members, CurveChoices(smoothing="mean", window=10))
    by_hand = np.mean([member.data.value[50:60].mean() for member in members])
    assert made.mean.y[59] == pytest.approx(by_hand)
    np.testing.assert_array_equal(made.behind[1].y, members[1].data.value)
    assert build_curve("run", "x", members[:1], CurveChoices()).behind == ()
    assert build_curve("group", "x", members, CurveChoices(behind=False, weight=0.9)).behind == ()
    assert curve_key(members[0].row, CurveChoices()) == curve_key(members[1].row, CurveChoices())


def test_a_seed_that_is_not_as_far_counts_as_far_as_it_got(project: Project) -> None:
    runs = ids(project, "No KL term")
    members = [Member(project.runs.get(run_id), project.series.read(run_id, RETURN)) for run_id in runs]
    members[2] = Member(members[2].row, members[2].data.part(0, 5))
    made = build_curve("group", "x", members, CurveChoices())
    assert made.count is not None and made.count.tolist() == [3] * 5 + [2] * 7
    assert not made.interpolated


# ---- live -----------------------------------------------------------------------------------------------------------


def test_live_points_are_shown_before_they_are_committed(project: Project) -> None:
    cache, (run_id, *_) = SeriesCache(project), ids(project, "ALM quick")
    before = cache.series(run_id, RETURN)
    wall = float(before.wall_time[-1])
    cache.add(run_id, RETURN, [(9000, 8000, wall + 4, 1.5)])
    live = cache.series(run_id, RETURN)
    assert (live.step[-1], live.value[-1]) == (9000, 1.5)
    assert live.active_seconds[-1] == pytest.approx(before.active_seconds[-1] + 4)
    assert cache.series(run_id, RETURN) is live

    project.series.append(run_id, RETURN, 9000, 8000, 150.0, wall + 4, 1.5)
    project.writer.flush()
    cache.touch(run_id)
    committed = cache.series(run_id, RETURN)
    assert len(committed) == len(before) + 1 and committed.active_seconds[-1] == 150.0


def test_an_event_that_is_committed_already_is_no_second_point(project: Project) -> None:
    cache, (run_id, *_) = SeriesCache(project), ids(project, "ALM quick")
    before = cache.series(run_id, RETURN)
    last = (int(before.step[-1]), int(before.updates[-1]), float(before.wall_time[-1]), float(before.value[-1]))
    cache.add(run_id, RETURN, [last])
    assert len(cache.series(run_id, RETURN)) == len(before)


def test_a_run_that_was_taken_back_is_read_anew(project: Project) -> None:
    cache, (run_id, *_) = SeriesCache(project), ids(project, "ALM quick")
    before = cache.series(run_id, RETURN)
    project.runs.truncate_after(run_id, 5000)
    project.series.append(run_id, RETURN, 6000, 5000, 100.0, 1.0, -7.0)
    project.writer.flush()
    cache.add(run_id, RETURN, [(6000, 5000, 1.0, -7.0)])
    after = cache.series(run_id, RETURN)
    assert before.step[-1] == 8000 and after.step.tolist() == [1000, 2000, 3000, 4000, 5000, 6000]
    assert after.value[-1] == -7.0


def test_live_points_reach_the_curve(project: Project, loader: CurveLoader, qtbot: QtBot) -> None:
    runs = ids(project, "ALM quick")
    first = load(loader, qtbot, runs)
    assert first.curves[RETURN][0].live
    for run_id in runs[:2]:
        loader.append(run_id, RETURN, (9000, 8000, 1e10, 100.0 * run_id))
    curve = load(loader, qtbot, runs).curves[RETURN][0]
    assert curve.mean.x[-1] == 9000 and curve.count is not None and curve.count[-1] == 2
    assert curve.mean.y[-1] == pytest.approx(50.0 * (runs[0] + runs[1]))


def test_a_refresh_reads_on_where_runs_train_and_anew_where_they_were_resumed(
    project: Project, loader: CurveLoader, qtbot: QtBot
) -> None:
    (running, *_), (stopped,) = ids(project, "ALM quick"), ids(project, "Shorter rollout")
    load(loader, qtbot, [running, stopped])
    project.series.append(running, RETURN, 9000, 8000, 150.0, 1e10, 5.0)
    project.runs.truncate_after(stopped, 1000)
    project.runs.change_state(stopped, RunState.RUNNING)
    project.series.append(stopped, RETURN, 1500, 500, 20.0, 1e10, 6.0)
    project.writer.flush()
    assert [len(curve) for curve in load(loader, qtbot, [running, stopped]).curves[RETURN]] == [8, 3]
    loader.refresh()
    grown, taken_back = load(loader, qtbot, [running, stopped]).curves[RETURN]
    assert grown.mean.x[-1] == 9000
    assert taken_back.mean.x.tolist() == [1000, 1500] and taken_back.live


# ---- the thread -----------------------------------------------------------------------------------------------------


def test_what_is_no_longer_wanted_is_dropped(project: Project, loader: CurveLoader, qtbot: QtBot) -> None:
    results: list[Loaded] = []
    loader.loaded.connect(results.append)
    runs = ids(project, "No KL term")
    for run_id in runs:
        loader.request([run_id], CurveChoices())
    qtbot.waitUntil(lambda: bool(results) and not loader.busy)
    assert [result.runs for result in results] == [(runs[-1],)]


def test_unchanged_curves_are_not_made_again(project: Project, loader: CurveLoader, qtbot: QtBot) -> None:
    runs = ids(project, "No KL term")
    first = load(loader, qtbot, runs)
    again = load(loader, qtbot, runs, CurveChoices(log=True))
    assert again.curves[RETURN][0] is first.curves[RETURN][0]
    other = load(loader, qtbot, runs, CurveChoices(weight=0.5))
    assert other.curves[RETURN][0] is not first.curves[RETURN][0]


def test_a_damaged_project_is_a_sentence(project: Project, loader: CurveLoader, qtbot: QtBot, tmp_path: Path) -> None:
    runs = ids(project, "No KL term")
    (project.folder / "project.db").rename(tmp_path / "gone.db")
    loaded = load(loader, qtbot, runs)
    assert loaded.problem and loaded.curves == {}


def test_metrics_are_those_of_all_runs_and_missing_runs_are_left_out(
    project: Project, loader: CurveLoader, qtbot: QtBot
) -> None:
    loaded = load(loader, qtbot, [*ids(project, "Paper sizes"), 9999], CurveChoices(metric="none/such"))
    assert "loss/critic" in loaded.metrics and loaded.curves["none/such"] == [] and 9999 not in loaded.rows


def test_a_closed_loader_does_nothing_more(project: Project, loader: CurveLoader) -> None:
    loader.close()
    loader.request(ids(project, "No KL term"), CurveChoices())
    assert not loader.busy


# ---- looks and memory -----------------------------------------------------------------------------------------------


def test_a_curve_has_the_colour_of_the_table(context: Context, loader: CurveLoader, qtbot: QtBot) -> None:
    project = context.project
    loaded = load(loader, qtbot, [*ids(project, "ALM quick"), *ids(project, "No KL term")])
    colors = SeriesColors(context)
    styled = styled_curves(loaded.curves[RETURN], loaded.rows, loaded.runs, colors, context.theme)
    for each in styled:
        assert each.style == colors.style(loaded.rows[each.curve.runs[0]])


def test_single_seeds_share_a_colour_and_differ_in_dash(context: Context, loader: CurveLoader, qtbot: QtBot) -> None:
    runs = ids(context.project, "ALM quick")
    loaded = load(loader, qtbot, runs, CurveChoices(grouped=False))
    styled = styled_curves(loaded.curves[RETURN], loaded.rows, runs, SeriesColors(context), context.theme)
    styles = [each.style for each in styled if each.style is not None]
    assert len({style.line.name() for style in styles}) == 1 and len({style.dash for style in styles}) == 3


def test_beyond_the_palette_only_the_last_selected_are_coloured(
    context: Context, loader: CurveLoader, qtbot: QtBot
) -> None:
    runs = [row.id for row in context.project.runs.page() if row.step]
    loaded = load(loader, qtbot, runs, CurveChoices(grouped=False))
    styled = styled_curves(loaded.curves[RETURN], loaded.rows, runs, SeriesColors(context), context.theme)
    coloured = [each.curve.runs[0] for each in styled if each.style is not None]
    assert len(styled) > COLOURED and coloured == runs[-COLOURED:]


def test_choices_survive_and_nonsense_does_not() -> None:
    choices = CurveChoices(metric="loss/critic", axis="date", weight=0.9, small=("alm/kl",), clip=1.0, grouped=False)
    assert CurveChoices.from_json(choices.to_json()) == choices
    assert CurveChoices.from_json(None) == CurveChoices() == CurveChoices.from_json([1])
    stored = choices.to_json() | {"axis": "sideways", "weight": 1.5, "small": "abc", "log": 3, "other": 1}
    assert CurveChoices.from_json(stored) == CurveChoices(metric="loss/critic", clip=1.0, grouped=False)
    assert len(CurveChoices.from_json({"small": ["a", "b", "c", "d"]}).small) == 3


