"""What layers say about options and inputs that they cannot take."""

import re

import numpy as np
import pytest

from dualad import nn
from dualad.errors import DataError, LayerError, ShapeError, UnknownNameError

L = nn.layers
ONES = lambda *shape: np.ones(shape, "float32")

OPTIONS = {
    "units": (lambda: L.Dense(0), "Dense: units=0; a whole number of at least 1"),
    "units of text": (lambda: L.LSTM("8"), "LSTM: units='8'"),
    "kernel": (lambda: L.Conv2D(4, (3, 3, 3)), r"Conv2D: kernel_size=(3, 3, 3); a whole number or 2 of them"),
    "strides": (lambda: L.Conv2D(4, 3, strides=0), "Conv2D: strides=0"),
    "channels first": (lambda: L.Conv2D(4, 3, data_format="channels_first"), "Conv2D: data_format='channels_first'; only 'channels_last' is supported"),
    "groups": (lambda: L.Conv2D(4, 3, groups=3), "4 filters cannot be shared out among 3 groups"),
    "stride and dilation": (lambda: L.Conv2DTranspose(4, 3, strides=2, dilation_rate=2), "one of them must be 1"),
    "output padding": (lambda: L.Conv2DTranspose(4, 3, strides=2, output_padding=2), "output_padding=(2, 2) must be less than strides=(2, 2)"),
    "rate": (lambda: L.Dropout(1.5), "Dropout: rate=1.5; a number from 0 to 1"),
    "rate of 1": (lambda: L.GaussianDropout(1), "GaussianDropout: rate=1; a number from 0 to below 1"),
    "width": (lambda: L.GaussianNoise(-1), "GaussianNoise: stddev=-1"),
    "slope": (lambda: L.LeakyReLU(None), "LeakyReLU: negative_slope=None"),
    "mask_zero": (lambda: L.Embedding(3, 2, mask_zero=True), "Embedding: mask_zero=True is not supported"),
    "masking": (lambda: L.Masking(), "Masking is not supported"),
    "stateful": (lambda: L.GRU(3, stateful=True), "GRU: stateful=True is not supported; take the states with return_state=True"),
    "dims": (lambda: L.Permute((1, 3)), "Permute: dims=(1, 3)"),
    "two unknowns": (lambda: L.Reshape((-1, -1)), "Reshape: target_shape=(-1, -1)"),
    "padding numbers": (lambda: L.ZeroPadding2D((1, 2, 3)), "ZeroPadding2D: padding=(1, 2, 3)"),
    "bidirectional": (lambda: L.Bidirectional(L.Dense(3)), "Bidirectional takes a recurrent layer (LSTM, GRU, SimpleRNN); got Dense"),
    "merge mode": (lambda: L.Bidirectional(L.GRU(3), merge_mode="plus"), "merge_mode='plus'"),
    "both forwards": (lambda: L.Bidirectional(L.GRU(3), backward_layer=L.GRU(3)), "the backward layer needs go_backwards=True"),
    "time distributed": (lambda: L.TimeDistributed(np.tanh), "TimeDistributed takes a layer; got ufunc"),
    "tied": (lambda: L.DenseTranspose(L.Flatten()), "DenseTranspose takes the Dense layer whose kernel it shares; got Flatten"),
    "no function": (lambda: L.Lambda("squared"), "Lambda takes a function; got 'squared': give it when loading, custom_objects="),
    "axes": (lambda: L.Dot((1, 2, 3)), "Dot: axes=(1, 2, 3)"),
}

INPUTS = {
    "last axis": (lambda: L.Dense(3, name="d"), [ONES(2, 4), ONES(2, 5)],
        "the layer d takes inputs with 4 numbers in the last axis; got the shape (None, 5)"),
    "vector": (lambda: L.Dense(3, name="d"), [ONES(4)], "the layer d takes batches of samples"),
    "two for one": (lambda: L.Dense(3, name="d"), [[ONES(2, 4), ONES(2, 4)]], "the layer d takes one input; got 2"),
    "two for relu": (lambda: L.ReLU(name="r"), [[ONES(2, 4), ONES(2, 4)]], "the layer r takes one input; got 2"),
    "rank": (lambda: L.Conv2D(3, 3, name="c"), [ONES(2, 8, 8)],
        "the layer c takes inputs of shape (batch, height, width, channels); got the shape (None, 8, 8)"),
    "channels": (lambda: L.Conv2D(3, 3, name="c"), [ONES(2, 8, 8, 1), ONES(2, 8, 8, 3)],
        "the layer c takes inputs with 1 channels; got the shape (None, 8, 8, 3)"),
    "small images": (lambda: L.Conv2D(3, 3, name="c", dilation_rate=2), [ONES(2, 4, 8, 1)],
        "the layer c has a kernel that spans (5, 5), more than inputs of the shape"),
    "groups": (lambda: L.Conv2D(4, 3, name="c", groups=2), [ONES(2, 8, 8, 3)], "the layer c has 2 groups; the 3 channels"),
    "windows": (lambda: L.MaxPooling2D(3, name="p"), [ONES(2, 2, 8, 1)],
        "the layer p has windows of (3, 3), larger than inputs of the shape (None, 2, 8, 1)"),
    "sequence": (lambda: L.LSTM(3, name="l"), [ONES(2, 8)],
        "the layer l takes inputs of shape (batch, steps, channels); got the shape (None, 8)"),
    "features": (lambda: L.LSTM(3, name="l"), [ONES(2, 8, 4), ONES(2, 8, 5)],
        "the layer l takes inputs with 4 features a step; got the shape (None, 8, 5)"),
    "no steps": (lambda: L.LSTM(3, name="l"), [ONES(2, 0, 4)], "the layer l takes sequences of at least one step"),
    "states": (lambda: L.LSTM(3, name="l"), [[ONES(2, 8, 4), ONES(2, 3)]], "the layer l has 2 states; its initial_state holds 1"),
    "state": (lambda: L.GRU(3, name="g"), [[ONES(2, 8, 4), ONES(2, 4)]],
        "the layer g takes states of shape (batch, 3); got (None, 4)"),
    "states of both": (lambda: L.Bidirectional(L.GRU(3), name="b"), [[ONES(2, 8, 4), ONES(2, 3)]],
        "the layer b has 2 states, 1 for each direction"),
    "steps": (lambda: L.TimeDistributed(L.Dense(3), name="t"), [ONES(2, 4)],
        "the layer t takes sequences of shape (batch, steps, ...)"),
    "arrangement": (lambda: L.Reshape((3, 4), name="r"), [ONES(2, 13)],
        "the layer r makes samples of shape (3, 4); the 13 numbers of a sample of the shape (None, 13)"),
    "arrangement of the rest": (lambda: L.Reshape((3, -1), name="r"), [ONES(2, 13)],
        "the layer r makes samples of shape (3, -1)"),
    "axes of samples": (lambda: L.Permute((2, 1), name="p"), [ONES(2, 3, 4, 5)], "the layer p takes samples with 2 axes"),
    "all cropped": (lambda: L.Cropping1D(2, name="c"), [ONES(2, 4, 1)], "the layer c crops ((2, 2),), which leaves nothing"),
    "one to merge": (lambda: L.Add(name="a"), [ONES(2, 4)],
        "the layer a takes a list of inputs, at least 1; got one of shape (None, 4)"),
    "three to subtract": (lambda: L.Subtract(name="s"), [[ONES(2, 4)] * 3],
        "the layer s takes a list of inputs, exactly 2; got 3 of them"),
    "sum of other shapes": (lambda: L.Add(name="a"), [[ONES(2, 4), ONES(2, 5)]],
        "the layer a takes inputs of the same shape; got (None, 4), (None, 5)"),
    "concatenation": (lambda: L.Concatenate(name="c"), [[ONES(2, 3, 4), ONES(2, 4, 4)]],
        "the layer c takes inputs of the same shape but for axis -1"),
    "axis": (lambda: L.Concatenate(axis=0, name="c"), [[ONES(2, 4), ONES(2, 4)]],
        "c: axis=0; the axes of samples of the shape (None, 4) are 1 to 1"),
    "products": (lambda: L.Dot(1, name="d"), [[ONES(2, 4), ONES(2, 5)]],
        "the layer d multiplies along axes of the same size; got 4 in (None, 4) and 5 in (None, 5)"),
    "feature axis": (lambda: L.BatchNormalization(axis=3, name="b"), [ONES(2, 4)],
        "b: axis=3; the axes of a sample of the shape (None, 4) are 1 to 1"),
    "normalised features": (lambda: L.BatchNormalization(name="b"), [ONES(2, 4), ONES(2, 5)],
        "the layer b takes inputs with 4 features along axis -1"),
    "normalised numbers": (lambda: L.LayerNormalization(name="n"), [ONES(2, 4), ONES(2, 5)],
        "the layer n takes inputs with 4 numbers along axis 1"),
    "mask": (lambda: L.Dropout(0.5, (None, 2), name="o"), [ONES(2, 4)],
        "o: the mask of shape (None, 2) (noise_shape) does not fit inputs of shape (2, 4)"),
    "mean alone": (lambda: L.Sampling(name="s"), [ONES(2, 4)], "the layer s takes a list of two inputs"),
    "mean and variance": (lambda: L.Sampling(name="s"), [[ONES(2, 4), ONES(2, 3)]],
        "of the same shape; got (None, 4) and (None, 3)"),
    "slopes": (lambda: L.PReLU(name="p"), [ONES(2, 4), ONES(2, 5)], "the layer p takes inputs with 4 features along axis 1"),
    "tied units": (lambda: L.DenseTranspose(L.Dense(3), features=5, name="t"), [ONES(2, 4)],
        "the layer t takes inputs with 3 numbers in the last axis"),
    "tied too early": (lambda: L.DenseTranspose(L.Dense(3, name="d"), name="t"), [ONES(2, 3)],
        "t shares the kernel of d, which is not built yet"),
    "vectors": (lambda: L.Embedding(4, 2, name="e"), [np.array([[0, 4]])],
        "the layer e has vectors for the numbers 0 to 3; the inputs hold 4"),
    "negative": (lambda: L.Embedding(4, 2, name="e"), [np.array([[0, -1]])], "the inputs hold -1"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options(case):
    make, message = OPTIONS[case]
    with pytest.raises(LayerError, match=re.escape(message)):
        make()


@pytest.mark.parametrize("case", INPUTS)
def test_inputs(case):
    make, (*before, last), message = INPUTS[case]
    layer = make()
    for x in before:
        layer(x)
    with pytest.raises((ShapeError, LayerError, DataError), match=re.escape(message)):
        layer(last, training=True)


@pytest.mark.parametrize(("make", "hint"), [
    (lambda: L.Conv2D(4, 3, padding="sam"), "Conv2D: unknown padding 'sam'; did you mean 'same'?"),
    (lambda: L.Conv2D(4, 3, padding="causal"), "Conv2D: unknown padding 'causal'"),
    (lambda: L.UpSampling2D(2, interpolation="bilinar"), "UpSampling2D: unknown interpolation 'bilinar'; did you mean 'bilinear'?"),
    (lambda: L.Dense(3, activation="rely"), "unknown activation 'rely'; did you mean 'relu'?"),
])
def test_names(make, hint):
    with pytest.raises(UnknownNameError, match=re.escape(hint)):
        make()


def test_unknown_sizes_on_tensors():
    x = nn.Input((None, 3))
    assert L.Flatten()(x).shape == (None, None)
    assert L.Conv1D(4, 3)(x).shape == (None, None, 4)
    assert L.MaxPooling1D(2)(x).shape == (None, None, 3)
    assert L.LSTM(4, return_sequences=True)(x).shape == (None, None, 4)
    assert L.ZeroPadding1D(1)(x).shape == L.UpSampling1D(2)(x).shape == L.Cropping1D(1)(x).shape == (None, None, 3)
    assert L.Concatenate(axis=1)([x, x]).shape == (None, None, 3)
    with pytest.raises(ShapeError, match="needs to know the number of features"):
        L.LSTM(4)(nn.Input((3, None)))
    with pytest.raises(ShapeError, match="needs to know the number of channels"):
        L.Conv1D(4, 3)(nn.Input((3, None)))


def test_numbers_out_of_range_in_a_compiled_step_are_an_error():
    model = nn.Sequential([nn.Input((2,), dtype="int32"), L.Embedding(4, 2), L.Flatten(), nn.Dense(1)])
    model.compile("sgd", "mse")
    good, y = np.array([[0, 1], [2, 3]]), np.ones((2, 1))
    for _ in range(3):
        model.train_on_batch(good, y)
    before = model.get_weights()
    with pytest.raises((DataError, IndexError)):
        model.train_on_batch(np.array([[0, 1], [2, 4]]), y)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
