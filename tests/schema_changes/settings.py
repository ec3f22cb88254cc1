"""The tests' settings with the migrations of the trial: for processes that migrate by these."""

from tests.settings import *

MIGRATION_MODULES = {}
