"""How public ids are written in addresses and answers."""

import re

NUMBERED = ("clm", "ent", "grp", "map", "pyr")  # ids of these kinds are numbers; all others are drawn
PUBLIC_ID = re.compile(rf"[a-z]{{3}}_[2-9b-df-hj-np-tv-xz]{{16}}|({'|'.join(NUMBERED)})_[1-9][0-9]{{0,17}}", re.ASCII)
