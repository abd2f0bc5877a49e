"""Listing 4: the training loop written by hand: forward, gradients, update."""

import dualad
from dualad import nn

nn.utils.set_random_seed(1)
x, _ = nn.datasets.load_digits()
model = nn.Autoencoder.dense(64, [32])
optimizer = nn.optimizers.Adam(learning_rate=0.01)
loss_of = nn.losses.BinaryCrossentropy()

losses = []
for start in range(0, 1500, 50):
    batch = x[start : start + 50]
    # The model itself is called: model.predict gives plain numbers, which do not know what they came from (the tape says so).
    with nn.GradientTape() as tape:
        loss = loss_of(batch, model(batch, training=True))
    gradients = tape.gradient(loss, model.trainable_weights)
    optimizer.apply_gradients(zip(gradients, model.trainable_weights))
    losses.append(dualad.value(loss))
print(f"loss with a tape: {losses[0]:.3f} -> {losses[-1]:.3f}")

# The same in one call:
for start in range(0, 1500, 50):
    batch = x[start : start + 50]
    forward = lambda batch=batch: loss_of(batch, model(batch))
    loss, gradients = nn.value_and_gradients(forward, model.trainable_weights, training=True)
    optimizer.apply_gradients(zip(gradients, model.trainable_weights))
print(f"after another epoch: {loss:.3f}")
