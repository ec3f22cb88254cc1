"""Write the API's description to docs/openapi.json, as the code has it now."""

import os
import sys
from pathlib import Path

import django

TARGET = Path(__file__).parents[1] / "docs" / "openapi.json"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    django.setup()
    from payerwatch.web.description.document import as_json, described

    TARGET.write_text(as_json(described()))
    print(f"Wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
