"""Listing 5: an old argument name, and data that do not fit the loss."""

import warnings

import numpy as np

from dualad import nn

nn.utils.set_random_seed(1)
x = np.random.default_rng(1).normal(size=(1000, 100)).astype("float32")

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model = nn.Autoencoder.dense(100, [32])
    model.compile(optimizer=nn.optimizers.Adam(lr=0.001), loss="binary_crossentropy")
    model.fit(x, epochs=2, verbose=0)
for warning in caught:
    print(f"{warning.category.__name__}: {warning.message}")

# The listing trains a sigmoid with binary cross-entropy on normal numbers. Outside [0, 1] this loss has no minimum: it falls
# without end as outputs go to 0 or 1. Standardised data ask for a linear output and the mean squared error.
model = nn.Autoencoder.dense(100, [32], output_activation="linear")
model.compile(optimizer=nn.optimizers.Adam(learning_rate=0.001), loss="mse")
history = model.fit(x, epochs=5, verbose=0)
print("loss", [round(loss, 3) for loss in history.history["loss"]])
