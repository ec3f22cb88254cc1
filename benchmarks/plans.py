"""How the database finds what it is asked for: the plans of everything that the API and the jobs ask, among 10,000,000
claims of 100 customers of skewed size.

    scripts/with_postgres.py --fast --set shared_buffers=1GB --set max_wal_size=20GB --set checkpoint_timeout=1h
        -- python benchmarks/plans.py [--claims 10000000] [--customers 100] [--as largest middle] [--scans-off]

Every operation of the API is asked as the tests know how to ask it, each listing by every filter in every order and for
the next page, with a rare value and with a common one; then every step of a job is done. Once as the largest customer,
once as a middle one and once as the smallest. Printed are the tables read from their beginning to their end, the
indexes that nothing used, those that another makes needless, and what indexes cost. Ends with 1 where a table of
customers' rows was read from its beginning: small ones are let pass, as reading them so is the quickest.

With `--scans-off` the server does so only where no index can be used at all: then a small size shows that there is an
index for every statement, though not that it would be taken.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests know what can be asked, and how

SIZES = ("largest", "middle", "smallest")
SMALL_TABLE = 16
"""Pages. At that size a scan reads no more than going through an index to a customer's rows does."""


def main() -> None:
    options = _options()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        _set_up(Path(directory))
        # What needs Django set up.
        from plans_asked import ask_everything
        from plans_fill import fill, told
        from plans_read import Plans, explain_to_the_application
        from plans_report import report

        filled = fill(options.claims, options.customers)
        print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
        explain_to_the_application(scans_off=options.scans_off)
        _connect_anew()
        plans = Plans()
        of_size = dict(zip(SIZES, (filled[0], filled[len(filled) // 2], filled[-1]), strict=True))
        chosen = {size: of_size[size] for size in options.sizes}
        with plans.listening():
            ask_everything(chosen, plans)
        _connect_anew()
        print(f"asked {len(plans.statements):,} statements, done after {time.monotonic() - began:.0f} s", flush=True)
        told()
        if options.kept:
            options.kept.write_text(json.dumps([list(plans.scans.values()), plans.indexes]))
        sys.exit(report(plans, filled, small=-1 if options.scans_off else SMALL_TABLE, costs=not options.scans_off))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How the database finds what it is asked for.")
    parser.add_argument("--claims", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--as", dest="sizes", nargs="+", choices=SIZES, default=SIZES, help="which of them ask")
    parser.add_argument("--scans-off", action="store_true", help="scan only where no index can be used")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="write every scan there, as JSON")
    return parser.parse_args()


def _set_up(directory: Path) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "payerwatch.config.settings"
    os.environ.update(
        PAYERWATCH_DATA_DIR=str(directory),
        PAYERWATCH_SECRET_KEY=secrets.token_urlsafe(50),
        PAYERWATCH_HOSTS="testserver",  # as Django's client calls it
    )
    django.setup()
    # What needs Django set up.
    from django.conf import settings
    from django.core.management import call_command
    from throwaway import refuse_unless_throwaway

    refuse_unless_throwaway()
    settings.PASSWORD_HASHERS = ["tests.hashers.CheapArgon2"]  # hundreds of people are made
    call_command("migrate", verbosity=0)


def _connect_anew() -> None:
    # What needs Django set up.
    from django.db import connections

    connections.close_all()


if __name__ == "__main__":
    main()
