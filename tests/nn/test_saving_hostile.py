"""Files made to do harm: whatever they hold, loading gives a model or an error of dualad, and runs nothing of theirs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import random
import struct
import warnings
import zipfile

import numpy as np
import pytest

from dualad import nn
from dualad.errors import DualadError, ParameterError, SavedFileError, UnknownNameError
from dualad.nn.saving import container

X = np.random.default_rng(0).random((6, 4), dtype="float32")


def model():
    x = nn.Input((4,))
    layer = nn.Dense(4, "tanh")
    inner = nn.Sequential([nn.Input((4,)), nn.Dense(3, "relu", kernel_regularizer="l2"), nn.Dense(4)])
    out = nn.Model(x, np.concatenate([layer(inner(x)), layer(x)[:, 1:] * 2], axis=1))
    out.compile(nn.optimizers.Adam(0.01), "mse", metrics=["mae"])
    out.fit(X, np.ones((6, 7)), epochs=1, verbose=0)
    return out


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "m.npz"
    made = model()
    made.save(path)
    return path.read_bytes(), made.predict(X, verbose=0)


def loaded(path, raw):
    path.write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.load_model(path)


def parts(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(entries.pop(container.DOCUMENT)), entries


def archive(document, entries, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        made.writestr(container.DOCUMENT, document if isinstance(document, (str, bytes)) else json.dumps(document))
        for name, data in entries.items():
            made.writestr(name, data)
    return out.getvalue()


def test_the_undamaged_file_loads(saved, tmp_path):
    raw, expected = saved
    assert np.array_equal(loaded(tmp_path / "m.npz", raw).predict(X, verbose=0), expected)
    assert np.array_equal(loaded(tmp_path / "m.npz", archive(*parts(raw))).predict(X, verbose=0), expected)


def test_truncated(saved, tmp_path):
    raw, _ = saved
    rng = random.Random(0)
    for n in [0, 1, 4, 30, *(rng.randrange(len(raw)) for _ in range(40)), len(raw) - 1]:
        with pytest.raises(SavedFileError):
            loaded(tmp_path / "m.npz", raw[:n])


def test_flipped_bits(saved, tmp_path):
    """What a flip leaves readable is what was written: sums protect all contents."""
    raw, expected = saved
    rng = random.Random(1)
    errors = 0
    for _ in range(200):
        damaged = bytearray(raw)
        damaged[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        try:
            assert np.array_equal(loaded(tmp_path / "m.npz", bytes(damaged)).predict(X, verbose=0), expected)
        except DualadError:
            errors += 1
    assert errors > 100


HOSTILE = [None, True, -1, 0, 1, 3, 10**6, 10**9, 10**30, 0.5, -2.5, "", "x", "Dense", "__class__", "Model", "load", "eval", [], {}, [None], [[]],
           [1, 2], [10**9, 10**9],
           {"class_name": "Dense"}, {"class_name": "Dense", "config": {}}, {"class_name": "Model", "config": {"name": 5}}, {"layer": 0}, {"layer": 99},
           {"tensor": [0, 0]},
           {"tensor": [-1, 5]}, {"value": 1}, {"list": []}, {"$array": "weights/dense/kernel"}, {"$float": "nan"}]


def places(x, path=()):
    yield path
    items = x.items() if isinstance(x, dict) else enumerate(x) if isinstance(x, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def replaced(document, path, value):
    document = json.loads(json.dumps(document))
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return document


def test_documents_changed_at_random(saved, tmp_path):
    """Each place of the document takes values that do not belong there."""
    document, entries = parts(saved[0])
    rng = random.Random(2)
    where = [p for p in places(document) if p]
    outcomes = {True: 0, False: 0}
    for k in range(700):
        path = where[k % len(where)] if k < len(where) else rng.choice(where)
        changed = replaced(document, path, rng.choice(HOSTILE))
        try:
            again = loaded(tmp_path / "m.npz", archive(changed, entries))
        except DualadError:
            outcomes[False] += 1
        else:
            assert isinstance(again, nn.Model)
            outcomes[True] += 1
    assert min(outcomes.values()) > 50


def test_structures_changed_at_random():
    text = model().to_json()
    document = json.loads(text)
    rng = random.Random(3)
    where = [p for p in places(document) if p]
    for _ in range(300):
        value = rng.choice([v for v in HOSTILE if not (isinstance(v, int) and v >= 10**6)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.suppress(DualadError):
                assert isinstance(nn.model_from_json(json.dumps(replaced(document, rng.choice(where), value))), nn.Layer)


def test_checkpoints_changed_at_random(tmp_path):
    def fit(backup, *more):
        nn.utils.set_random_seed(0)
        made = nn.Sequential([nn.Input((4,)), nn.Dense(4), nn.Dropout(0.5)])
        made.compile("adam", "mse", metrics=["mae"])
        made.fit(X, epochs=2, batch_size=2, verbose=0, callbacks=[backup, nn.callbacks.EarlyStopping("loss"), *more])

    def fail(batch, logs):
        raise KeyboardInterrupt

    backup = nn.callbacks.BackupAndRestore(tmp_path / "run.ckpt", save_freq=1)
    with pytest.raises(KeyboardInterrupt):
        fit(backup, nn.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: batch == 2 and fail(batch, logs)))
    document, entries = parts((tmp_path / "run.ckpt").read_bytes())
    rng = random.Random(5)
    where = [p for p in places(document) if p]
    errors = 0
    for k in range(200):
        (tmp_path / "run.ckpt").write_bytes(archive(replaced(document, where[k % len(where)], rng.choice(HOSTILE)), entries))
        try:
            fit(backup)
        except DualadError:
            errors += 1
    assert errors > 100


# ---- single attacks ----


def test_pickle_is_never_read(saved, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made by a pickle"),)

    document, entries = parts(saved[0])
    array = io.BytesIO()
    np.lib.format.write_array(array, np.array([Bomb()], object), allow_pickle=True)
    for name in entries:
        with pytest.raises(SavedFileError, match="array of object"):
            loaded(tmp_path / "m.npz", archive(document, {**entries, name: array.getvalue()}))
    (tmp_path / "m.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(SavedFileError, match="was not written by dualad"):
        nn.load_model(tmp_path / "m.npz")
    assert os.listdir(tmp_path) == ["m.npz"]


@pytest.mark.parametrize("name", ["load", "save", "savetxt", "fromfile", "memmap", "genfromtxt", "apply_along_axis", "frompyfunc", "vectorize",
                         "os", "__import__",
                                  "lib",
                                  "load_reduce", "copyto", "add_at", "format_float_positional", "show_config", "array2string"])
def test_operations_are_functions_of_arrays(saved, tmp_path, name):
    document, entries = parts(saved[0])
    text = json.dumps(document).replace('"operation": "concatenate"', f'"operation": "{name}"')
    with pytest.raises(ParameterError, match=f"uses an operation '{name}'"):
        loaded(tmp_path / "m.npz", archive(text, entries))


def test_zip_bombs(saved, tmp_path):
    document, entries = parts(saved[0])
    with pytest.raises(SavedFileError, match="compressed or overlap"):
        loaded(tmp_path / "m.npz", archive(document, entries, zipfile.ZIP_DEFLATED))
    with pytest.raises(SavedFileError, match="compressed or overlap"):
        loaded(tmp_path / "m.npz", archive(document, {"weights/a.npy": bytes(10**8)}, zipfile.ZIP_DEFLATED))
    raw = archive(document, {"weights/a.npy": bytes(10**5)})
    start, count = raw.rindex(b"PK\x05\x06"), 200  # an entry mentioned many times: overlapping entries
    first = raw.rindex(b"PK\x01\x02")
    entry, end = raw[first:start], bytearray(raw[start:])
    end[8:16] = struct.pack("<HHI", 2 + count, 2 + count, struct.unpack("<I", end[12:16])[0] + count * len(entry))
    with pytest.raises(SavedFileError, match="compressed or overlap"):
        loaded(tmp_path / "m.npz", raw[:start] + entry * count + bytes(end))


def test_huge_shapes(saved, tmp_path):
    document, entries = parts(saved[0])
    name = next(n for n in entries if n.endswith("kernel.npy"))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**9)})
    with pytest.raises(SavedFileError, match="does not fit its 64 bytes"):
        loaded(tmp_path / "m.npz", archive(document, {**entries, name: header.getvalue() + bytes(64)}))
    for units in (10**4, 10**7, 10**12):
        text = json.dumps(document).replace('"units": 3', f'"units": {units}')
        with pytest.raises(ParameterError, match=r"too few numbers for its layers: .*kernel"):
            loaded(tmp_path / "m.npz", archive(text, entries))
    for shape in ("[null, 1000000000000]", "[null, 100000, 100000]", "[null, 2000000000, 4]"):
        text = json.dumps(document).replace('"shape": [null, 4]', f'"shape": {shape}')
        with pytest.raises(ParameterError, match="more than 1073741824 numbers"):
            loaded(tmp_path / "m.npz", archive(text, entries))


def test_wrong_shapes_and_types(saved, tmp_path):
    document, entries = parts(saved[0])
    for name in entries:
        for wrong in (np.zeros((3, 3, 3), "float32"), np.zeros(3, "complex64"), np.zeros(3, "U4"), np.zeros(3, [("a", "f4")])):
            array = io.BytesIO()
            np.lib.format.write_array(array, wrong)
            with pytest.raises(DualadError):
                loaded(tmp_path / "m.npz", archive(document, {**entries, name: array.getvalue()}))
        with pytest.raises(DualadError):
            loaded(tmp_path / "m.npz", archive(document, {k: v for k, v in entries.items() if k != name}))


def test_nested_too_deeply(saved, tmp_path):
    document, entries = parts(saved[0])
    deep = {"class_name": "Dense", "config": {"units": 1}}
    levels = [json.dumps(deep)]
    text = levels[0]
    for _ in range(10_000):
        text = '{"class_name": "Sequential", "layer": 0, "config": {"input": null, "layers": [' + text + "]}}"
    for bad in (json.dumps({**document, "model": 0})[:-1] + ', "model": ' + text + "}", "[" * 10**5, '{"format":1,"a":' * 10**5):
        with pytest.raises(SavedFileError, match="nested too deeply"):
            loaded(tmp_path / "m.npz", archive(bad, entries))
        with pytest.raises(SavedFileError, match="nested too deeply"):
            nn.model_from_json(bad)
    text = json.dumps(deep)
    for _ in range(200):  # not too deep for JSON
        text = '{"class_name": "Sequential", "layer": 0, "config": {"input": null, "layers": [' + text + "]}}"
    for _ in range(2):
        with contextlib.suppress(DualadError):
            nn.model_from_json(f'{{"format": 1, "model": {text}}}')


def test_newer_version(saved, tmp_path):
    document, entries = parts(saved[0])
    with pytest.raises(SavedFileError, match="format 2, made by a newer dualad"):
        loaded(tmp_path / "m.npz", archive({**document, "format": 2}, entries))
    with pytest.raises(SavedFileError, match="format 2, made by a newer dualad"):
        nn.model_from_json('{"format": 2}')


def test_unknown_classes_and_functions(saved, tmp_path):
    document, entries = parts(saved[0])
    for old, new, message in (('"class_name": "Dense"', '"class_name": "Dence"', "unknown layer 'Dence'; did you mean 'Dense'"),
                              ('"class_name": "Adam"', '"class_name": "Adem"', "unknown optimizer 'Adem'; did you mean 'Adam'"),
                              ('"activation": "tanh"', '"activation": "system"', "unknown activation 'system'"),
                              ('"loss": "mse"', '"loss": "mce"', "unknown loss 'mce'")):
        with pytest.raises(UnknownNameError, match=message):
            loaded(tmp_path / "m.npz", archive(json.dumps(document).replace(old, new), entries))


def test_not_an_archive_of_dualad(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(2))
    with pytest.raises(SavedFileError, match=r"it has no dualad\.json"):
        nn.load_model(tmp_path / "other.npz")
    for text in ("null", "[]", "{}", '{"format": "1"}', "not JSON", '{"format": 1}', '{"format": 1, "model": []}'):
        with pytest.raises(DualadError):
            nn.model_from_json(text)
        with pytest.raises(SavedFileError):
            loaded(tmp_path / "m.npz", archive(text, {}))


def test_safetensors(tmp_path):
    pytest.importorskip("safetensors")
    made, path = model(), tmp_path / "m.safetensors"
    made.save(path)
    raw, expected = path.read_bytes(), made.predict(X, verbose=0)
    rng = random.Random(4)
    for n in [0, 7, 8, 100, *(rng.randrange(len(raw)) for _ in range(20))]:
        with pytest.raises(SavedFileError):
            loaded(path, raw[:n])
    header = 8 + struct.unpack("<Q", raw[:8])[0]  # the format protects its header by structure, its numbers not at all
    for _ in range(150):
        damaged = bytearray(raw)
        damaged[rng.randrange(header)] ^= 1 << rng.randrange(8)
        with contextlib.suppress(DualadError):
            assert loaded(path, bytes(damaged)).predict(X, verbose=0).shape == expected.shape
