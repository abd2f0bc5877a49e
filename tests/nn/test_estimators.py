"""Estimators in scikit-learn's checks, and against scikit-learn's own models and closed forms."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_diabetes, load_digits, load_iris  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score, train_test_split  # noqa: E402
from sklearn.neural_network import MLPClassifier as TheirClassifier  # noqa: E402
from sklearn.neural_network import MLPRegressor as TheirRegressor  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from dualad import errors, nn  # noqa: E402
from dualad.nn.estimators import AutoencoderDetector, AutoencoderTransformer, MLPClassifier, MLPRegressor  # noqa: E402
from dualad.nn.strategies.blas import set_blas_threads  # noqa: E402

ALL = [MLPRegressor(max_iter=100), MLPClassifier(max_iter=100), AutoencoderTransformer(hidden=(16,), latent=2, epochs=30),
       AutoencoderDetector(hidden=(16,), latent=2, epochs=30)]
short = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # what a short training means


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    """Small products on many threads are slow where processors are shared."""
    before = set_blas_threads(1)
    yield
    if before is not None:
        set_blas_threads(before)


@pytest.mark.filterwarnings("ignore")  # checks give strange data on purpose, and say themselves which warnings they want
@parametrize_with_checks(ALL)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# ---- perceptrons ----


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.3, random_state=0)


@short
def test_classifier_learns_digits_as_theirs(digits):
    X, held, y, truth = digits
    options = {"hidden_layer_sizes": (32,), "max_iter": 60, "random_state": 0}
    ours, theirs = MLPClassifier(**options).fit(X, y), TheirClassifier(**options).fit(X, y)
    assert ours.score(held, truth) > theirs.score(held, truth) - 0.02
    assert ours.score(held, truth) > 0.9
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert [a.shape for a in ours.coefs_ + ours.intercepts_] == [a.shape for a in theirs.coefs_ + theirs.intercepts_]
    np.testing.assert_allclose(ours.predict_proba(held).sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(held)), ours.predict_proba(held), rtol=1e-12)


@short
@pytest.mark.parametrize("kind", ["number", "numbers", "binary", "classes", "labels"])
def test_one_full_batch_is_theirs(kind, rng):
    """From the same weights, some epochs of gradient descent on one batch give scikit-learn's loss curve and weights: loss, penalty and update are its."""
    X = rng.normal(size=(40, 5))
    y = {"number": rng.normal(size=40), "numbers": rng.normal(size=(40, 2)), "binary": rng.integers(0, 2, 40), "classes": rng.integers(0, 3, 40),
         "labels": rng.integers(0, 2, (40, 3))}[kind]
    mine, their = (MLPRegressor, TheirRegressor) if "number" in kind else (MLPClassifier, TheirClassifier)
    options = {"hidden_layer_sizes": (7,), "activation": "tanh", "solver": "sgd", "alpha": 0.3, "learning_rate_init": 0.05, "max_iter": 1, "shuffle": False,
               "warm_start": True, "random_state": 1, "nesterovs_momentum": True}
    a, b = mine(**options).fit(X, y), their(**options).fit(X, y)
    a.model_.set_weights([w for pair in zip(b.coefs_, b.intercepts_) for w in pair])
    a.model_.compile(nn.optimizers.SGD(0.05, momentum=0.9, nesterov=True), a.model_._given[0])  # theirs starts anew as well
    for model in (a, b):
        model.set_params(max_iter=5)
        model.loss_curve_ = []
        model.fit(X, y)
    if kind != "numbers":  # of several outputs theirs reports the mean, but descends the sum
        np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-9)
    for mine_, their_ in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_):
        np.testing.assert_allclose(mine_, their_, rtol=1e-8, atol=1e-10)


def test_regressor_learns_diabetes_as_theirs():
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    options = {"hidden_layer_sizes": (16,), "early_stopping": True, "learning_rate_init": 0.01, "max_iter": 500, "random_state": 0}
    ours, theirs = MLPRegressor(**options).fit(X, y), TheirRegressor(**options).fit(X, y)
    assert ours.score(X, y) > theirs.score(X, y) - 0.1
    assert len(ours.validation_scores_) == ours.n_iter_ == len(ours.loss_curve_)
    assert ours.best_validation_score_ == max(ours.validation_scores_)
    assert ours.best_loss_ is None
    assert ours.predict(X[:3]).shape == (3,)


def test_training_stops_when_the_loss_does(rng):
    X = rng.normal(size=(50, 3))
    model = MLPRegressor((8,), tol=10.0, n_iter_no_change=4, random_state=0).fit(X, X[:, 0])
    assert model.n_iter_ == 6  # the first, and more than 4 that are not better by 10
    assert model.loss_ == model.loss_curve_[-1]
    assert model.best_loss_ == min(model.loss_curve_)
    with pytest.warns(ConvergenceWarning, match=r"the maximum of iterations \(2\)"):
        MLPRegressor((8,), max_iter=2, random_state=0).fit(X, X[:, 0])


@short
def test_learning_rates_follow_their_rules(rng):
    X = rng.normal(size=(50, 3))
    model = MLPRegressor((8,), solver="sgd", learning_rate="invscaling", learning_rate_init=0.1, max_iter=3, random_state=0).fit(X, X[:, 0])
    assert model.model_.optimizer.learning_rate == pytest.approx(0.1 / 151**0.5)
    model = MLPRegressor((8,), solver="sgd", learning_rate="adaptive", learning_rate_init=0.1, tol=10.0, n_iter_no_change=1, random_state=0).fit(X, X[:, 0])
    assert model.model_.optimizer.learning_rate <= 1e-6
    assert model.n_iter_ == 19  # 0.1 / 5**8 is below 1e-6: after the first epoch, nine times two without improvement


@short
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_models_compute_in_the_type_of_the_data(dtype):
    X, y = load_iris(return_X_y=True)
    X = X.astype(dtype)
    model = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, y)
    assert model.model_.dtype == dtype
    assert model.predict_proba(X).dtype == dtype
    assert AutoencoderTransformer((4,), 2, epochs=2, random_state=0).fit_transform(X).dtype == dtype
    assert MLPClassifier((8,), max_iter=1).fit((X * 10).astype(int), y).model_.dtype == "float64"


@short
def test_warm_start_and_partial_fit_go_on(digits):
    X, _, y, _ = digits
    X, y = X[:300], y[:300]
    ten = MLPClassifier((16,), max_iter=10, random_state=3).fit(X, y)
    warm = MLPClassifier((16,), max_iter=4, warm_start=True, random_state=3).fit(X, y)
    warm.set_params(max_iter=6).fit(X, y)
    assert warm.loss_curve_ == ten.loss_curve_
    parts = MLPClassifier((16,), random_state=3)
    for _ in range(10):
        parts.partial_fit(X, y, classes=np.arange(10))
        parts = pickle.loads(pickle.dumps(parts))  # weights, moments and random streams survive
    assert parts.loss_curve_ == ten.loss_curve_
    assert all(np.array_equal(a, b) for a, b in zip(parts.coefs_, ten.coefs_))


@short
def test_partial_fit_needs_and_keeps_the_classes():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier((4,), random_state=0)
    with pytest.raises(errors.ParameterError, match="the first call of partial_fit needs classes"):
        model.partial_fit(X, y)
    model.partial_fit(X[:60], y[:60], classes=[0, 1, 2])  # only two of them are there
    assert model.predict_proba(X).shape == (150, 3)
    with pytest.raises(errors.ParameterError, match=r"are not those of the first call"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(errors.ParameterError, match=r"y holds .*7.*, which is not in classes"):
        model.partial_fit(X, np.where(y == 2, 7, y))
    with pytest.raises(errors.ParameterError, match="does not support early_stopping"):
        MLPClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])


@short
def test_labels_of_any_kind(rng):
    X = rng.normal(size=(60, 4))
    words = np.where(X[:, 0] > 0, "above", "below")
    model = MLPClassifier((8,), learning_rate_init=0.05, max_iter=60, random_state=0).fit(X, words)
    assert model.classes_.tolist() == ["above", "below"]
    assert model.score(X, words) > 0.95
    several = np.stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 0] > 9], axis=1).astype(int)
    model = MLPClassifier((16,), learning_rate_init=0.05, max_iter=100, random_state=0).fit(X, several)
    assert model.predict(X).shape == (60, 3)
    assert np.mean(model.predict(X) == several) > 0.95
    alone = MLPClassifier((4,), max_iter=2).fit(X, np.full(60, "one"))
    assert set(alone.predict(X)) == {"one"}
    assert alone.predict_proba(X).tolist() == [[1.0]] * 60


@pytest.mark.parametrize(("options", "message"), [
    ({"alpha": -1}, "alpha=-1; a number of at least 0 is needed"),
    ({"max_iter": 0}, "max_iter=0; a whole number of at least 1"),
    ({"batch_size": 2.5}, "batch_size=2.5; a whole number"),
    ({"momentum": 1.5}, "momentum=1.5; a number of at least 0 and at most 1"),
    ({"learning_rate_init": 0}, "learning_rate_init=0; a number above 0"),
    ({"learning_rate": "constnat"}, "learning_rate='constnat'; it is one of 'constant'"),
    ({"learning_rate": 0.1}, "the number is learning_rate_init"),
    ({"hidden_layer_sizes": (10, 0)}, "hidden_layer_sizes=0"),
    ({"activation": "rleu"}, "did you mean 'relu'"),
    ({"solver": "adm"}, "unknown optimizer 'adm'; did you mean 'Adam'"),
    ({"early_stopping": True, "validation_fraction": 0.02}, "validation"),
])
def test_parameters_are_checked_in_fit(options, message, rng):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**options).fit(rng.normal(size=(50, 3)), rng.normal(size=50))


@short
def test_warnings_of_data(rng):
    X = rng.normal(size=(30, 3))
    with pytest.warns(DataConversionWarning, match="a 1-d array was expected"):
        model = MLPRegressor((4,), max_iter=2, random_state=0).fit(X, X[:, :1])
    assert model.predict(X).shape == (30,)
    with pytest.warns(UserWarning, match="batch_size=64 is more than the 30 samples"):
        MLPRegressor((4,), batch_size=64, max_iter=2).fit(X, X[:, 0])


# ---- autoencoders ----


def test_linear_autoencoder_reaches_principal_components(rng):
    """Without hidden layers, the best that it can do is the plane of PCA."""
    X = rng.normal(size=(300, 6)) * [3.0, 2.0, 0.5, 0.4, 0.3, 0.2]
    X -= X.mean(axis=0)
    model = AutoencoderTransformer(hidden=(), latent=2, epochs=400, batch_size=50, learning_rate=0.01, random_state=0).fit(X)
    pca = PCA(2).fit(X)
    best = np.mean((X - pca.inverse_transform(pca.transform(X))) ** 2)
    assert best <= -model.score(X) < 1.02 * best
    assert model.transform(X).shape == (300, 2)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), model.reconstruct(X), rtol=1e-12)
    assert model.get_feature_names_out().tolist() == ["autoencodertransformer0", "autoencodertransformer1"]


def test_early_stopping_keeps_the_best_weights(rng):
    X = rng.normal(size=(120, 5))
    model = AutoencoderTransformer((8,), 2, epochs=500, learning_rate=0.05, early_stopping=True, n_iter_no_change=3, validation_fraction=0.25,
                                   denoising=0.1, l2=1e-4, random_state=0).fit(X)
    assert model.n_iter_ == len(model.validation_scores_) < 500
    held = train_test_split(X, test_size=0.25, random_state=_after_one_draw(0))[1]
    assert model.score(held) == pytest.approx(max(model.validation_scores_), rel=1e-12)
    assert model.validation_scores_[-1] < max(model.validation_scores_)
    with pytest.raises(errors.ParameterError, match=r"codes have the shape \(n_samples, 2\); got \(3, 4\)"):
        model.inverse_transform(np.zeros((3, 4)))


def _after_one_draw(seed):
    state = np.random.RandomState(seed)
    state.randint(2**31 - 1)
    return state


def test_detector_finds_outliers(rng):
    t = rng.normal(size=(400, 2))
    X = t @ rng.normal(size=(2, 8)) + 0.05 * rng.normal(size=(400, 8))
    X[:20] = rng.normal(size=(20, 8)) * 2
    model = AutoencoderDetector(0.05, hidden=(16,), latent=2, epochs=100, learning_rate=0.01, random_state=0).fit(X)
    truth = np.arange(400) < 20
    assert roc_auc_score(truth, model.decision_scores_) > 0.95
    assert model.labels_.sum() == 20  # 5 % of 400
    # PyOD's names are high for outliers, scikit-learn's for inliers
    np.testing.assert_allclose(model.anomaly_score(X), model.decision_scores_, rtol=1e-12)
    np.testing.assert_allclose(model.decision_function(X), model.threshold_ - model.decision_scores_, rtol=1e-9, atol=1e-12)
    assert np.array_equal(model.predict(X) == -1, model.labels_ == 1)
    assert set(model.predict(X)) == {-1, 1}
    with pytest.raises(errors.ParameterError, match=r"contamination=0.7; a number above 0 and at most 0.5"):
        AutoencoderDetector(0.7).fit(X)
    with pytest.raises(NotFittedError):
        AutoencoderDetector().predict(X)


# ---- in scikit-learn's machinery ----


def test_estimators_leave_the_process_seed_alone(rng):
    X = rng.normal(size=(30, 3))
    nn.utils.set_random_seed(1)
    a = nn.Dense(3)
    a.build((None, 2))
    nn.utils.set_random_seed(1)
    first = AutoencoderTransformer((4,), 2, epochs=2, random_state=5).fit_transform(X)
    b = nn.Dense(3)
    b.build((None, 2))
    assert np.array_equal(a.kernel.numpy(), b.kernel.numpy())
    assert np.array_equal(first, AutoencoderTransformer((4,), 2, epochs=2, random_state=5).fit_transform(X))
    assert not np.array_equal(first, AutoencoderTransformer((4,), 2, epochs=2, random_state=6).fit_transform(X))


@short
def test_pickles_hold_weights_and_no_programs(digits):
    X, held, y, _ = digits
    for model in (MLPClassifier((16,), max_iter=3, random_state=0), AutoencoderTransformer((16,), 4, epochs=2, random_state=0),
                  AutoencoderDetector(0.1, (16,), 4, epochs=2, random_state=0)):
        model.fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        method = "transform" if hasattr(model, "transform") else "predict"
        assert np.array_equal(getattr(model, method)(held), getattr(again, method)(held))
        assert len(pickle.dumps(model)) < 100_000
        assert not hasattr(clone(model), "model_")


@short
def test_optimizers_of_the_package_are_solvers(digits):
    X, _, y, _ = digits
    by_name = MLPClassifier((16,), solver="nadam", max_iter=5, random_state=0).fit(X, y)
    instance = nn.optimizers.Nadam(0.001)
    given = clone(MLPClassifier((16,), solver=instance, max_iter=5, random_state=0)).fit(X, y)
    assert given.loss_curve_[-1] == pytest.approx(by_name.loss_curve_[-1], rel=1e-3)  # their epsilons differ
    assert instance.iterations == 0  # a copy was trained


@short
def test_second_order_solvers_take_all_samples():
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    options = {"hidden_layer_sizes": (6,), "activation": "tanh", "alpha": 1.0, "max_iter": 300, "tol": 0.0, "random_state": 0}
    ours, theirs = MLPRegressor(solver="lbfgs", **options).fit(X, y), TheirRegressor(solver="lbfgs", **options).fit(X, y)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=0.05)  # minima may differ
    assert ours.loss_ < MLPRegressor(**options).fit(X, y).loss_
    again = pickle.loads(pickle.dumps(ours))
    assert np.array_equal(again.predict(X), ours.predict(X))


@short
def test_searches_over_pipelines(digits):
    X, _, y, _ = digits
    X, y = X[:300], y[:300]
    pipeline = make_pipeline(AutoencoderTransformer((32,), 8, epochs=20, learning_rate=0.01, random_state=0),
                             MLPClassifier((16,), learning_rate_init=0.01, max_iter=30, random_state=0))
    scores = cross_val_score(pipeline, X, y, cv=3)
    assert len(scores) == 3
    assert np.all(scores > 0.3)
    grid = GridSearchCV(pipeline, {"autoencodertransformer__latent": [1, 12]}, cv=2, error_score="raise").fit(X, y)
    assert grid.best_params_ == {"autoencodertransformer__latent": 12}


@pytest.mark.filterwarnings("ignore")  # of worker processes that are started and ended
def test_searches_on_several_processes(digits):
    X, _, y, _ = digits
    X, y = X[:200], y[:200]
    model = MLPClassifier((8,), max_iter=10, random_state=0)
    found = [RandomizedSearchCV(model, {"learning_rate_init": [0.001, 0.03], "alpha": [1e-4]}, n_iter=2, random_state=0, n_jobs=jobs, cv=2,
                                error_score="raise").fit(X, y) for jobs in (1, 2)]
    assert found[0].best_params_ == found[1].best_params_ == {"learning_rate_init": 0.03, "alpha": 1e-4}
    np.testing.assert_allclose(found[0].cv_results_["mean_test_score"], found[1].cv_results_["mean_test_score"])


@pytest.mark.filterwarnings("ignore")
def test_searches_on_dask(digits):
    distributed = pytest.importorskip("dask.distributed")
    import joblib

    X, _, y, _ = digits
    X, y = X[:200], y[:200]
    grid = GridSearchCV(AutoencoderTransformer((8,), 2, epochs=5, random_state=0), {"latent": [1, 6]}, cv=2, error_score="raise")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster, distributed.Client(cluster), \
            joblib.parallel_backend("dask"):
        grid.fit(X)
    assert grid.best_params_ == {"latent": 6}


def test_missing_scikit_learn_names_the_extra():
    code = "import sys; sys.modules['sklearn'] = None\nfrom dualad import nn\nimport dualad.nn.estimators"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MissingExtraError: dualad.nn.estimators needs scikit-learn: pip install 'dualad[sklearn]'" in done.stderr
