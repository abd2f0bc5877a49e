"""The table of a model's layers."""

from __future__ import annotations

import numpy as np
import pytest

from dualad import _info, nn


def text(model, **options):
    out = []
    model.summary(print_fn=out.append, **options)
    assert len(out) == 1
    return out[0]


def rows(table, edge="│"):
    return [[cell.strip() for cell in line.strip(edge).split(edge)] for line in table.splitlines() if line.startswith(edge)]


@pytest.fixture(autouse=True)
def no_hint(monkeypatch):
    monkeypatch.setattr(_info, "advice", lambda level, kernel: "")


def test_chain():
    model = nn.Sequential([nn.Input((8,)), nn.Dense(4, name="a"), nn.BatchNormalization(name="b"), nn.Dense(2, name="c", trainable=False)], name="small")
    table = text(model)
    assert table.splitlines()[0] == 'Model: "small"'
    assert rows(table, "┃") == [["Layer (type)", "Output Shape", "Param #"]]
    assert rows(table) == [["a (Dense)", "(None, 4)", "36"], ["b (BatchNormalization)", "(None, 4)", "16"], ["c (Dense)", "(None, 2)", "10"]]
    assert table.splitlines()[-3:] == [" Total params: 62 (248.00 B)", " Trainable params: 44 (176.00 B)", " Non-trainable params: 18 (72.00 B)"]
    assert [row[-1] for row in rows(text(model, show_trainable=True))] == ["Y", "Y", "N"]


def test_graph_nested_and_compiled():
    x, y = nn.Input((1024,), name="x"), nn.Input((1024,), name="y")
    inner = nn.Sequential([nn.Input((1024,)), nn.Dense(1024, name="deep")], name="inner")
    model = nn.Model([x, y], nn.Concatenate(name="both")([inner(x), inner(y)]))
    found = rows(text(model, expand_nested=True))
    assert [row[0] for row in found] == ["x (Input)", "y (Input)", "inner (Sequential)", "└ deep (Dense)", "both (Concatenate)"]
    assert found[-1][3] == "inner, inner"
    assert found[2][3] == "x"
    assert " Total params: 1,049,600 (4.00 MB)" in text(model)
    model.compile("adam", "mse")
    model.fit([np.ones((2, 1024), "float32")] * 2, np.ones((2, 2048), "float32"), verbose=0)
    assert " Optimizer params: 2,099,200 (8.01 MB)" in text(model)


def test_what_is_not_built():
    class Net(nn.Model):
        def __init__(self):
            super().__init__()
            self.inner = nn.Dense(3, name="inner")

        def call(self, inputs):
            return self.inner(inputs)

    model = Net()
    assert rows(text(model)) == [["inner (Dense)", "?", "0 (unbuilt)"]]
    model.build((None, 2))
    assert rows(text(model)) == [["inner (Dense)", "(None, 3)", "9"]]
    assert rows(text(nn.Sequential([nn.Dense(3, name="d")]))) == [["d (Dense)", "?", "0 (unbuilt)"]]


def test_operators_have_their_names():
    x = nn.Input((3,), name="x")
    table = rows(text(nn.Model(x, 2 * x + 1)))
    assert [row[0].split()[1] for row in table] == ["(Input)", "(mul)", "(add)"]


def test_width():
    model = nn.Sequential([nn.Input((8,)), nn.Dense(4, name="a_layer_with_a_long_name_indeed")])
    assert {len(line) for line in text(model, line_length=90).splitlines()[1:6]} == {90}
    narrow = text(model, line_length=20)
    assert rows(narrow)[0][0] == "a_layer_wit…"


def test_printed_where_the_terminal_has_no_such_characters(capsys, monkeypatch):
    monkeypatch.setattr("dualad.nn.summary.can_print", lambda text: False)
    nn.Sequential([nn.Input((8,)), nn.Dense(4, name="a")]).summary()
    assert capsys.readouterr().out.isascii()


def test_hint(monkeypatch):
    monkeypatch.setattr(_info, "advice", lambda level, kernel: "first line\nsecond line")
    assert text(nn.Sequential([nn.Input((8,)), nn.Dense(4)])).splitlines()[-2:] == [" first line", " second line"]
