"""Copies of a store, so that the same work can be done in other ways."""

import pytest

from tests.support.shop import Shop


@pytest.fixture
def copied(tmp_path, test_run):
    """Copies a shop with its database, so that the same work can be done another way."""
    copies = []

    def copy(shop):
        shop.store.engine.dispose()
        url = test_run.copy_of_store(shop.url, tmp_path / f"copy-{len(copies)}")
        copies.append(Shop(backend=shop.backend, url=url, home=shop.home, root=tmp_path / "bare"))
        return copies[-1]

    yield copy
    for one in copies:
        one.close()
        test_run.drop(one.url)
