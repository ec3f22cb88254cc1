"""Write the table of codes into docs/api.md, from the errors that the API answers: `python scripts/write_codes.py`."""

import os
import re
from pathlib import Path

import django

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
HEAD = "| code | status | meaning | what to do |\n|---|---|---|---|\n"


def table() -> str:
    """One row for each code, by code."""
    from payerwatch.web.api.catalogue import catalogue  # the settings come first

    rows = (
        f"| `{code}` | {each.status.value} | {each.meaning} | {each.what_to_do} |\n"
        for code, each in catalogue().items()
    )
    return HEAD + "".join(rows)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    django.setup()
    text = PAGE.read_text()
    PAGE.write_text(
        re.sub(r"(^## Codes\n.*?\n)\|.*?(?=\n## )", lambda found: found[1] + table(), text, flags=re.M | re.S)
    )


if __name__ == "__main__":
    main()
