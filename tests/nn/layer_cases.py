"""One set-up of every layer, with inputs: what the tests over all layers run through."""

from dualad import nn
from dualad.nn.graph import leaves
from dualad.nn.variables import Scope, run_in

L = nn.layers


def squared(x):
    return x**2


def tied(**kwargs):
    dense = L.Dense(4, dtype=kwargs.get("dtype"))
    dense.build((None, 6))
    dense.built = True
    return L.DenseTranspose(dense, activation="tanh", **kwargs)


# name: (how the layer is made, shapes of samples)
CASES = {
    "Dense": (lambda **k: L.Dense(4, activation="tanh", kernel_regularizer="l2", bias_initializer="random_normal", **k), [(3, 5)]),
    "DenseTranspose": (tied, [(4,)]),
    "Activation": (lambda **k: L.Activation("softplus", **k), [(5,)]),
    "ReLU": (lambda **k: L.ReLU(2.0, 0.1, 0.3, **k), [(5,)]),
    "LeakyReLU": (lambda **k: L.LeakyReLU(0.1, **k), [(5,)]),
    "PReLU": (lambda **k: L.PReLU("random_uniform", shared_axes=[1], **k), [(3, 5)]),
    "ELU": (lambda **k: L.ELU(0.7, **k), [(5,)]),
    "Softmax": (lambda **k: L.Softmax([1, 2], **k), [(3, 5)]),
    "Dropout": (lambda **k: L.Dropout(0.4, noise_shape=(None, 1, None), seed=3, **k), [(3, 5)]),
    "SpatialDropout1D": (lambda **k: L.SpatialDropout1D(0.4, seed=3, **k), [(3, 5)]),
    "SpatialDropout2D": (lambda **k: L.SpatialDropout2D(0.4, seed=3, **k), [(3, 2, 5)]),
    "GaussianNoise": (lambda **k: L.GaussianNoise(0.4, seed=3, **k), [(5,)]),
    "GaussianDropout": (lambda **k: L.GaussianDropout(0.4, seed=3, **k), [(5,)]),
    "AlphaDropout": (lambda **k: L.AlphaDropout(0.4, seed=3, **k), [(5,)]),
    "Sampling": (lambda **k: L.Sampling(seed=3, **k), [(5,), (5,)]),
    "BatchNormalization": (lambda **k: L.BatchNormalization(axis=1, momentum=0.9, gamma_initializer="random_uniform", **k), [(4, 3)]),
    "LayerNormalization": (lambda **k: L.LayerNormalization(axis=[1, 3], gamma_initializer="random_uniform", **k), [(3, 2, 4)]),
    "UnitNormalization": (lambda **k: L.UnitNormalization(axis=[1, 2], **k), [(3, 4)]),
    "Normalization": (lambda **k: L.Normalization(mean=[1.0, 2.0], variance=[2.0, 3.0], **k), [(3, 2)]),
    "Rescaling": (lambda **k: L.Rescaling(0.5, 1.0, **k), [(5,)]),
    "Embedding": (lambda **k: L.Embedding(7, 3, **k), [(4,)]),
    "Flatten": (lambda **k: L.Flatten(**k), [(3, 4, 2)]),
    "Reshape": (lambda **k: L.Reshape((2, -1), **k), [(3, 4)]),
    "Permute": (lambda **k: L.Permute((3, 1, 2), **k), [(3, 4, 2)]),
    "RepeatVector": (lambda **k: L.RepeatVector(3, **k), [(4,)]),
    "ZeroPadding1D": (lambda **k: L.ZeroPadding1D((2, 1), **k), [(4, 2)]),
    "ZeroPadding2D": (lambda **k: L.ZeroPadding2D(((1, 0), (2, 1)), **k), [(4, 3, 2)]),
    "Cropping1D": (lambda **k: L.Cropping1D((2, 1), **k), [(5, 2)]),
    "Cropping2D": (lambda **k: L.Cropping2D(((1, 0), (1, 1)), **k), [(4, 5, 2)]),
    "UpSampling1D": (lambda **k: L.UpSampling1D(3, **k), [(4, 2)]),
    "UpSampling2D": (lambda **k: L.UpSampling2D((2, 3), interpolation="bilinear", **k), [(3, 4, 2)]),
    "Add": (lambda **k: L.Add(**k), [(3, 4), (1, 4), (3, 4)]),
    "Subtract": (lambda **k: L.Subtract(**k), [(3, 4), (3, 4)]),
    "Multiply": (lambda **k: L.Multiply(**k), [(3, 4), (3, 1)]),
    "Average": (lambda **k: L.Average(**k), [(4,), (4,), (4,)]),
    "Maximum": (lambda **k: L.Maximum(**k), [(4,), (4,), (4,)]),
    "Minimum": (lambda **k: L.Minimum(**k), [(4,), (4,)]),
    "Concatenate": (lambda **k: L.Concatenate(axis=1, **k), [(3, 4), (2, 4)]),
    "Dot": (lambda **k: L.Dot((1, 2), normalize=True, **k), [(3, 4), (2, 3)]),
    "Conv1D": (lambda **k: L.Conv1D(3, 3, dilation_rate=2, padding="causal", activation="tanh", **k), [(7, 2)]),
    "Conv2D": (lambda **k: L.Conv2D(4, (3, 2), strides=(2, 1), padding="same", groups=2, bias_initializer="random_normal", **k), [(6, 5, 4)]),
    "Conv1DTranspose": (lambda **k: L.Conv1DTranspose(3, 3, strides=2, padding="same", **k), [(4, 2)]),
    "Conv2DTranspose": (lambda **k: L.Conv2DTranspose(3, (3, 2), strides=(2, 3), output_padding=(1, 0), **k), [(3, 4, 2)]),
    "DepthwiseConv2D": (lambda **k: L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same", **k), [(6, 5, 2)]),
    "SeparableConv2D": (lambda **k: L.SeparableConv2D(3, (3, 2), depth_multiplier=2, **k), [(6, 5, 2)]),
    "MaxPooling1D": (lambda **k: L.MaxPooling1D(3, strides=2, padding="same", **k), [(6, 2)]),
    "MaxPooling2D": (lambda **k: L.MaxPooling2D((2, 3), **k), [(5, 6, 2)]),
    "AveragePooling1D": (lambda **k: L.AveragePooling1D(2, padding="same", **k), [(5, 2)]),
    "AveragePooling2D": (lambda **k: L.AveragePooling2D(3, strides=1, padding="same", **k), [(4, 5, 2)]),
    "GlobalAveragePooling1D": (lambda **k: L.GlobalAveragePooling1D(**k), [(4, 2)]),
    "GlobalAveragePooling2D": (lambda **k: L.GlobalAveragePooling2D(keepdims=True, **k), [(4, 3, 2)]),
    "GlobalMaxPooling1D": (lambda **k: L.GlobalMaxPooling1D(keepdims=True, **k), [(4, 2)]),
    "GlobalMaxPooling2D": (lambda **k: L.GlobalMaxPooling2D(**k), [(4, 3, 2)]),
    "SimpleRNN": (lambda **k: L.SimpleRNN(3, return_sequences=True, go_backwards=True, dropout=0.3, seed=3, **k), [(5, 2)]),
    "LSTM": (lambda **k: L.LSTM(3, return_state=True, recurrent_dropout=0.3, seed=3, **k), [(5, 2), (3,), (3,)]),
    "GRU": (lambda **k: L.GRU(3, reset_after=False, **k), [(5, 2)]),
    "Bidirectional": (lambda **k: L.Bidirectional(L.GRU(3, return_sequences=True, dtype=k.get("dtype")), **k), [(5, 2)]),
    "TimeDistributed": (lambda **k: L.TimeDistributed(L.Dense(3, dtype=k.get("dtype")), **k), [(4, 3, 2)]),
    "Lambda": (lambda **k: L.Lambda(squared, **k), [(4,)]),
    "ActivityRegularization": (lambda **k: L.ActivityRegularization(0.1, 0.2, **k), [(4,)]),
}


def inputs(name, batch, rng, dtype="float64"):
    """Data for a case: an array, or the list of them."""
    if name == "Embedding":
        return rng.integers(0, 7, (batch, *CASES[name][1][0]))
    out = [rng.standard_normal((batch, *s)).astype(dtype) for s in CASES[name][1]]
    return out if len(out) > 1 else out[0]


def built(name, rng, dtype="float64"):
    """The layer with random weights."""
    layer = CASES[name][0](dtype=dtype)
    layer(inputs(name, 2, rng, dtype))
    if name != "Normalization":
        layer.set_weights([rng.uniform(0.2, 0.9, v.shape) * (1 if "variance" in v.name else rng.choice([-1, 1], v.shape)) for v in layer.weights])
    return layer


def pure(layer, training, x):
    """The layer as a function of its weights and floating inputs, with fixed random numbers; and where to evaluate it."""
    given = [a for a in leaves(x) if a.dtype.kind == "f"]
    with run_in(Scope(training)) as scope:
        layer(x)
    draws = [value for _, _, _, value in scope.draws]
    weights = layer.trainable_weights

    def f(values, given):
        rest = iter(given)
        parts = [next(rest) if a.dtype.kind == "f" else a for a in leaves(x)]
        with run_in(Scope(training, dict(zip(weights, values)), draws)) as scope:
            out = layer(parts if isinstance(x, list) else parts[0])
        return [*leaves(out), *scope.losses, *scope.updates.values()]

    return f, ([v.array.copy() for v in weights], given)
