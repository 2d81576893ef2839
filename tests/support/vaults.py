"""Open a shop's vault in a test, with the key that its own commands use."""

from cardctl.settings import load_settings
from cardctl.vault.keyset import Vault
from cardctl.vault.unlock import unlock_vault
from tests.support.shop import Shop


def unlock_with_key_file(shop: Shop) -> Vault:
    """The vault of a shop, unlocked by what its home and environment name."""
    with shop.store.reading() as session:
        return unlock_vault(
            session,
            store_id=shop.store.store_id,
            settings=load_settings({}, shop.env, shop.folder),
            environment=shop.env,
            ask=None,
        )
