"""Write what is made from the code into docs/: the table of codes into api.md, from the errors that the API answers,
and the table of messages into webhooks.md, from their types. `python scripts/write_codes.py`."""

import json
import os
import re
from pathlib import Path

import django

DOCS = Path(__file__).parents[1] / "docs"
PAGE, WEBHOOKS = DOCS / "api.md", DOCS / "webhooks.md"
HEAD = "| code | status | meaning | what to do |\n|---|---|---|---|\n"


def table() -> str:
    """One row for each code, by code."""
    from payerwatch.web.api.catalogue import catalogue  # the settings come first

    rows = (
        f"| `{code}` | {each.status.value} | {each.meaning} | {each.what_to_do} |\n"
        for code, each in catalogue().items()
    )
    return HEAD + "".join(rows)


def messages() -> str:
    """One row for each type of message, with an example of each beneath."""
    from payerwatch.deliveries.event_types import EVENT_TYPES
    from payerwatch.web.description.webhooks import sample_body

    rows = (
        f"| `{name}` | {each.meaning} | {' '.join(f'`{field}`' for field in ('id', 'sentence', *each.data))} |\n"
        for name, each in EVENT_TYPES.items()
    )
    shown = json.dumps(sample_body("alert.raised"), indent=2)
    head = "| type | what it tells | `data` has |\n|---|---|---|\n"
    return f"{head}{''.join(rows)}\nSuch as:\n\n```json\n{shown}\n```\n"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    django.setup()
    text = PAGE.read_text()
    PAGE.write_text(
        re.sub(r"(^## Codes\n.*?\n)\|.*?(?=\n## )", lambda found: found[1] + table(), text, flags=re.M | re.S)
    )
    between = r"(<!-- event types -->\n).*?(?=<!-- end of event types -->)"
    told = re.sub(between, lambda found: f"{found[1]}\n{messages()}\n", WEBHOOKS.read_text(), flags=re.S)
    WEBHOOKS.write_text(told)


if __name__ == "__main__":
    main()
