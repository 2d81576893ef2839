"""What a shop says to files that are tried on it, one by one, without keeping any."""

import json

from tests.batches.files import PASSWORD

CATALOGUE = (
    "product add ACC --name 账号 --kind account --field 密保 --field 邮箱",
    "product add LNK --name 链接 --kind link",
    "product add SHARED --name 共享 --kind account --seats 3",
    r"product add PAT --name 数字 --pattern '\d{5}'",
    "supplier map add SUP 月卡 VIP",
    "supplier map add SUP 礼品卡 CARDP",
)
ENVIRONMENT = {"PW": PASSWORD, "NO": "another"}


def answers_of(shop, cases):
    """By the name of each case: an error's code, or the status, the cards and the rejects."""
    shop.seed_catalog()
    for line in CATALOGUE:
        shop.run(line)
    shop.import_codes("VIP", ["HERE-1"])
    (shop.folder / "sold.csv").write_text("code\nSOLD-1\n")
    shop.run("batch import sold.csv --product VIP --supplier SUP --already-sold")
    return {case.name: answer_of(shop, case) for case in cases}


def answer_of(shop, case):
    (shop.folder / "file").write_bytes(case.file)
    line = ["batch", "import", "file", "--supplier", "SUP", "--dry-run", "--json"]
    result = shop.run([*line, *case.how.split()], status=None, env=ENVIRONMENT)
    if not result.stdout:
        return json.loads(result.stderr)["error"]["code"]
    told = result.json
    rejects = [
        (*filter(None, [reject["member"]]), reject["row"], reject["code"])
        for reject in told["rejects"]
    ]
    return told["status"], told["imported"], rejects
