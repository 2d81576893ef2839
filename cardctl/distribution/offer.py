"""What can be distributed: products kept as keys, and bundles of those, where they may be sold."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from cardctl.catalog.bundles import read_components
from cardctl.errors import CardctlError, InputRefused
from cardctl.schema.catalog import products
from cardctl.vocabulary import CARD_KINDS, ProductKind


class NotKeys(InputRefused):
    """The product, or a part of it, is topped up or shipped: a list of recipients says not where.

    `kind` is that of the part.
    """

    code = "not-keys"
    message = "{sku} holds something of kind {kind}: only what is kept as keys can be distributed"
    hint = "cardctl product show {sku}"


class RegionMissing(InputRefused):
    """The product is sold in some regions only, and the plan does not say where it goes."""

    code = "region-unknown"
    message = "{sku} is sold only in {regions}, and where the recipients are is not known"
    hint = "say it with --region"


class RegionRefused(InputRefused):
    """The product is not sold where the recipients are."""

    code = "region-refused"
    message = "{sku} is sold only in {regions}, and not in {region}"
    hint = "cardctl product show {sku}"


@dataclass(frozen=True, slots=True)
class Offer:
    """The catalogue as a plan sees it."""

    product_ids: Mapping[str, int]
    """By SKU."""
    refused: Mapping[str, CardctlError]
    """The products that this plan cannot distribute, by SKU, and why."""
    parts: Mapping[int, Mapping[int, int]]
    """What each product is made of, by id: itself once, or the components of a bundle."""

    def composition(self, product_ids: Iterable[int]) -> str:
        """What some products are made of, to be kept and compared: ``{product: {part: pieces}}``.

        Products and parts are ids, as text.
        """
        return json.dumps({one: self.parts[one] for one in product_ids}, sort_keys=True)

    def spell(self, parts: Mapping[int, int]) -> str:
        """Parts for people: ``VIP=2, CARDP=1``."""
        skus = {product_id: sku for sku, product_id in self.product_ids.items()}
        return ", ".join(sorted(f"{skus[part]}={qty}" for part, qty in parts.items()))


def read_offer(session: Session, *, region: str | None) -> Offer:
    """What can be distributed to a region; None: nobody knows where the recipients are."""
    product = products.c
    columns = (product.id, product.sku, product.kind, product.regions)
    rows = {row.sku: row for row in session.execute(select(*columns))}
    bundles = read_components(session)
    refused: dict[str, CardctlError] = {}
    parts: dict[int, Mapping[int, int]] = {}
    for sku, row in rows.items():
        components = bundles.get(row.id, ())
        quantities = {one.sku: one.qty for one in components} or {sku: 1}
        parts[row.id] = {rows[part].id: qty for part, qty in quantities.items()}
        problem = _problem(row, [rows[part] for part in quantities], region)
        if problem is not None:
            refused[sku] = problem
    return Offer({sku: row.id for sku, row in rows.items()}, refused, parts)


def _problem(product: Any, parts: list[Any], region: str | None) -> CardctlError | None:
    for part in parts:
        if ProductKind(part.kind) not in CARD_KINDS:
            return NotKeys(sku=product.sku, kind=part.kind)
    for limited in (product, *parts):
        if not limited.regions:
            continue
        told = {"sku": product.sku, "regions": limited.regions}
        if region is None:
            return RegionMissing(**told)
        if region not in limited.regions.split(","):
            return RegionRefused(**told, region=region)
    return None
