"""Channels and what they list: accounts and pools, in their order."""

import pytest


@pytest.fixture
def lists(shop):
    """Two accounts, two pools."""
    for line in (
        "account add WX --name x --kind wechat",
        "account add ZFB --name x --kind alipay",
        "pool add vip",
        "pool add spare",
    ):
        shop.run(line)
    return shop


def test_lists_keep_their_order_and_a_channel_without_pools_draws_on_main(lists):
    line = "channel add TB --name x --account ZFB --account WX --pool vip --pool main --json"
    channel = lists.run(line).json

    assert channel["accounts"] == ["ZFB", "WX"]
    assert channel["pools"] == ["vip", "main"]
    assert lists.run("channel add XY --name x --json").json["pools"] == ["main"]


def test_an_edit_replaces_a_list(lists):
    lists.run("channel add TB --name x --account WX --pool vip")
    line = "channel edit TB --account ZFB --pool spare --pool vip --json"

    edited = lists.run(line).json
    assert (edited["accounts"], edited["pools"]) == (["ZFB"], ["spare", "vip"])
    cleared = lists.run("channel edit TB --clear account --clear pool --json").json
    assert (cleared["accounts"], cleared["pools"]) == ([], ["main"])
    assert lists.run("channel edit TB --clear pool --json").json["status"] == "unchanged"


def test_an_unknown_account_or_pool_adds_no_channel(lists):
    for noun in ("account", "pool"):
        refused = lists.run(f"channel add TB --name x --{noun} NO", status=4)
        assert f"there is no {noun} NO" in refused.stderr
    assert lists.run("channel list --json").json == []


def test_a_pool_for_a_channel_is_drawn_on_last(lists):
    lists.run("channel add TB --name x")
    lists.run("pool add festival --channel TB")

    assert lists.run("channel show TB --json").json["pools"] == ["main", "festival"]
    # The script that set the shop up can run again.
    assert lists.run("channel add TB --name x --json").json["status"] == "unchanged"
    again = lists.run("pool add festival --channel TB --json").json
    assert again["status"] == "unchanged"
    assert lists.run("channel show TB --json").json["pools"] == ["main", "festival"]


def test_a_pool_kept_for_one_channel_is_refused_to_another(lists):
    lists.run("channel add TB --name x")
    lists.run("channel add XY --name x")
    lists.run("pool add festival --channel TB")

    refused = lists.run("channel edit XY --pool festival", status=5)
    assert "error[pool-kept]" in refused.stderr
    refused = lists.run("pool edit festival --channel XY", status=5)
    assert "pool festival is kept for channel TB" in refused.stderr


def test_a_pool_can_be_kept_for_a_channel_later_and_freed(lists):
    lists.run("channel add TB --name x")
    kept = lists.run("pool edit vip --channel TB --json").json

    assert (kept["status"], kept["channel"]) == ("updated", "TB")
    assert lists.run("channel show TB --json").json["pools"] == ["main", "vip"]
    assert lists.run("pool edit vip --clear channel --json").json["channel"] is None


def test_main_is_for_every_channel(lists):
    lists.run("channel add TB --name x")

    assert lists.run("pool show main --json").json["channel"] is None
    assert "error[pool-main]" in lists.run("pool edit main --channel TB", status=5).stderr


def test_listing_many_channels_takes_a_constant_number_of_statements(lists, count_statements):
    for number in range(3):
        lists.run(f"channel add C{number} --name x --account WX --pool vip")
    with count_statements() as few:
        lists.run("channel list")
    for number in range(3, 9):
        lists.run(f"channel add C{number} --name x --account WX --pool vip")
    with count_statements() as many:
        lists.run("channel list")

    assert len(many) == len(few)
