"""Listing 2: the same as a class with an encoder and a decoder, and what such a model can do."""

import numpy as np

from dualad import nn

nn.utils.set_random_seed(1)
images, _ = nn.datasets.load_digits()
x_train, x_test = images[:1500], images[1500:]

encoder = [nn.Dense(32, activation="relu"), nn.Dense(8, activation="relu")]
decoder = [nn.Dense(32, activation="relu"), nn.Dense(64, activation="sigmoid")]
model = nn.Autoencoder(encoder, decoder)

# Layers without an Input do not know yet how many numbers come in: they have no weights before build, or the first batch.
print("weights before build:", len(model.trainable_weights))
model.build(input_shape=(None, 64))
print("weights after build:", len(model.trainable_weights))

model.compile(optimizer="adam", loss="binary_crossentropy")
model.summary()
print("loss of the first batch:", round(model.train_on_batch(x_train[:32]), 3))
model.fit(x_train, epochs=10, verbose=0)  # without targets: they are the inputs
print("loss on new digits:", round(model.evaluate(x_test, verbose=0), 3))

z = model.encode(x_test)
print("decode(encode(x)) is reconstruct(x):", np.array_equal(model.decode(z), model.reconstruct(x_test)))
print("the loss by hand:", round(float(model.loss(x_test, model(x_test))), 3), "with", type(model.optimizer).__name__)
print("the digit that is reconstructed worst:", int(np.argmax(model.anomaly_score(x_test))))
