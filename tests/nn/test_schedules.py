"""Schedules against Keras, closed forms at their joints, use by epochs, configs."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dualad.errors import MissingExtraError, ParameterError, UnknownNameError
from dualad.nn import optimizers, schedules

ORACLE = json.loads((Path(__file__).parent / "data" / "keras_oracle.json").read_text())


@pytest.mark.parametrize("text", ORACLE["schedules"])
def test_keras_values(text):
    schedule = eval(text, vars(schedules))
    got = [schedule(step) for step in ORACLE["schedule_steps"]]
    assert {type(x) for x in got} == {float}
    np.testing.assert_allclose(got, ORACLE["schedules"][text], rtol=2e-6, atol=2e-9)


def test_inverse_time_staircase():
    s = schedules.InverseTimeDecay(1.0, 10, 0.5, staircase=True)
    assert [s(t) for t in (0, 9, 10, 25)] == [1, 1, 1 / 1.5, 1 / 2]


def test_polynomial_cycle():
    s = schedules.PolynomialDecay(1.0, 10, 0.0, power=2.0, cycle=True)
    assert s(0) == 1
    assert s(5) == 0.25
    assert s(10) == 0
    assert s(11) == pytest.approx((1 - 11 / 20) ** 2)
    assert s(25) == pytest.approx((1 - 25 / 30) ** 2)


def test_warm_up_is_continuous():
    s = schedules.CosineDecay(0.1, 100, alpha=0.2, warmup_target=1.0, warmup_steps=20)
    assert s(0) == 0.1
    assert s(20) == 1.0
    assert s(20 + 50) == pytest.approx(0.5 * 0.8 + 0.2)
    assert s(1000) == pytest.approx(0.2)


@pytest.mark.parametrize(("t_mul", "starts"), [(1.0, [0, 10, 20, 30]), (2.0, [0, 10, 30, 70]), (3.0, [0, 10, 40, 130])])
def test_restarts(t_mul, starts):
    s = schedules.CosineDecayRestarts(1.0, 10, t_mul=t_mul, m_mul=0.5, alpha=0.1)
    for k, start in enumerate(starts):
        assert s(start) == 0.5**k
        length = 10 * t_mul**k
        assert s(start + length / 2) == pytest.approx(0.5**k * 0.55)
        assert s(start + length - 1) == pytest.approx(0.5**k * (0.45 * (1 + math.cos(math.pi * (1 - 1 / length))) + 0.1))


def test_restarts_go_on_for_long():
    assert 0 <= schedules.CosineDecayRestarts(1.0, 10)(10**12) <= 1


def test_per_epoch():
    s = schedules.ExponentialDecay(1.0, 1, 0.5).per_epoch(3)
    assert [s(t) for t in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    by_epoch = schedules.PerEpoch(schedules.ExponentialDecay(1.0, 1, 0.5))
    assert [by_epoch(epoch, 123.0) for epoch in range(3)] == [1, 0.5, 0.25]
    by_epoch.steps_per_epoch = 2
    assert [by_epoch(t) for t in range(4)] == [1, 1, 0.5, 0.5]


EXAMPLES = [schedules.ExponentialDecay(0.1, 10, 0.5, True), schedules.InverseTimeDecay(0.1, 10, 0.5), schedules.PiecewiseConstantDecay([1, 5], [1.0, 0.5, 0.1]),
            schedules.PolynomialDecay(0.1, 10, power=2.0, cycle=True), schedules.CosineDecay(0.0, 10, 0.1, None, 0.5, 3),
            schedules.CosineDecayRestarts(0.1, 5, 3.0, 0.5, 0.01), schedules.PerEpoch(schedules.CosineDecay(0.1, 10), 4)]


@pytest.mark.parametrize("made", EXAMPLES, ids=lambda s: type(s).__name__)
def test_written_and_read(made):
    again = schedules.get(json.loads(json.dumps(schedules.serialize(made))))
    assert type(again) is type(made)
    assert [again(t) for t in range(40)] == [made(t) for t in range(40)]
    opt = optimizers.get(json.loads(json.dumps(optimizers.serialize(optimizers.SGD(made)))))
    assert opt.learning_rate == made(0)


def test_plot():
    matplotlib = pytest.importorskip("matplotlib")
    ax = schedules.ExponentialDecay(1.0, 1, 0.5).plot(4)
    assert isinstance(ax, matplotlib.axes.Axes)
    assert ax.lines[0].get_ydata().tolist() == [1, 0.5, 0.25, 0.125]
    assert schedules.ExponentialDecay(1.0, 1, 0.5).plot(2, ax=ax) is ax


def test_plot_without_matplotlib(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dualad\[plot\]'"):
        schedules.ExponentialDecay(1.0, 1, 0.5).plot(4)


def test_bad_input():
    with pytest.raises(ParameterError, match=r"ExponentialDecay\(decay_steps=0\)"):
        schedules.ExponentialDecay(0.1, 0, 0.5)
    with pytest.raises(ParameterError, match="2 boundaries and 2 values"):
        schedules.PiecewiseConstantDecay([1, 2], [1.0, 2.0])
    with pytest.raises(ParameterError, match="must increase"):
        schedules.PiecewiseConstantDecay([2, 1], [1.0, 2.0, 3.0])
    with pytest.raises(ParameterError, match=r"warmup_steps=0"):
        schedules.CosineDecay(0.0, 10, warmup_target=0.1)
    with pytest.raises(ParameterError, match=r"t_mul=0\.5"):
        schedules.CosineDecayRestarts(0.1, 10, t_mul=0.5)
    with pytest.raises(ParameterError, match="steps_per_epoch=0"):
        schedules.PerEpoch(schedules.CosineDecay(0.1, 10), 0)
    with pytest.raises(UnknownNameError, match="did you mean 'CosineDecay'"):
        schedules.get({"class_name": "CosineDecy", "config": {}})
